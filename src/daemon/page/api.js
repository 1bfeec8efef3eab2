// What goes to bitd and comes from it. On a TCP address everything needs the token, which comes in the URL's fragment
// (#token=...), where it reaches no log, and is kept for this tab only.

const KEY = 'bit-token';

export function takeToken() {
    const found = /^#token=([A-Za-z0-9_-]+)(.*)$/.exec(location.hash);
    if (found) {
        sessionStorage.setItem(KEY, found[1]);
        history.replaceState(null, '', location.pathname + (found[2].startsWith('/') ? '#' + found[2] : '#/'));
    }
}

function headers(more) {
    const token = sessionStorage.getItem(KEY);
    return token ? {...more, Authorization: 'Bearer ' + token} : more;
}

export class Refused extends Error {
    constructor(status, text, problems) {
        super(text);
        this.status = status;
        this.problems = problems || [];
    }
}

async function refuse(response) {
    let text = response.status + ' ' + response.statusText, problems = [];
    try {
        const answer = await response.json();
        text = answer.error || text;
        problems = answer.problems;
    } catch { /* not ours: the status has to do */ }
    if (response.status === 401)
        text = 'The token is missing or wrong. Open the address that "bit page" prints.';
    return new Refused(response.status, text, problems);
}

export async function get(path) {
    const response = await fetch('/api/v1/' + path, {headers: headers({}), cache: 'no-store'});
    if (!response.ok)
        throw await refuse(response);
    return response.json();
}

export async function post(path, body = {}) {
    const response = await fetch('/api/v1/' + path, {method: 'POST', headers: headers({'Content-Type': 'application/json'}), body: JSON.stringify(body)});
    if (!response.ok)
        throw await refuse(response);
    return response.json();
}

// Text of a log from a byte on (negative: from the end), and the byte behind it.
export async function log(id, from) {
    const response = await fetch(`/api/v1/jobs/${id}/log?from=${from}&limit=65536`, {headers: headers({}), cache: 'no-store'});
    if (!response.ok)
        throw await refuse(response);
    return {text: await response.text(), next: Number(response.headers.get('Bit-Next'))};
}

// A picture's bytes; null when there is nothing to see. bitd makes one at a time, so they are asked for one after the other.
let turn = Promise.resolve();
export function picture(path) {
    const mine = turn.then(() => load(path));
    turn = mine.catch(() => null);
    return mine;
}

// JSON that takes a while to be made; null when there is none.
export async function patient(path) {
    for (let wait = 50; wait < 20000; wait *= 2) {
        const response = await fetch('/api/v1/' + path, {headers: headers({}), cache: 'no-store'});
        if (response.status === 200)
            return response.json();
        if (response.status !== 202)
            return null;
        await new Promise(resolve => setTimeout(resolve, wait));
    }
    return null;
}

async function load(path) {
    for (let wait = 50; wait < 20000; wait *= 2) {
        const response = await fetch('/api/v1/' + path, {headers: headers({}), cache: 'no-store'});
        if (response.status !== 202)
            return response.status === 200 ? response.blob() : null;
        await new Promise(resolve => setTimeout(resolve, wait));
    }
    return null;
}

// ---- server-sent events, read by fetch, as EventSource can send no token ----

let last = null; // number of the last event, replayed from after a break

function dispatch(block, handlers) {
    let name = 'message', data = '';
    for (const line of block.split('\n')) {
        if (line.startsWith('event:'))
            name = line.slice(6).trim();
        else if (line.startsWith('data:'))
            data += line.slice(5).trim();
        else if (line.startsWith('id:'))
            last = line.slice(3).trim();
    }
    if (handlers[name])
        handlers[name](data ? JSON.parse(data) : {});
}

async function read(handlers, signal) {
    const response = await fetch('/api/v1/events' + (last ? '?after=' + last : ''), {headers: headers({}), cache: 'no-store', signal});
    if (!response.ok)
        throw await refuse(response);
    handlers.open();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let rest = '';;) {
        const {value, done} = await reader.read();
        if (done)
            return;
        const blocks = (rest + value.replaceAll('\r', '')).split('\n\n');
        rest = blocks.pop();
        for (const block of blocks)
            dispatch(block, handlers);
    }
}

// One stream a page, as browsers open six connections at most; none while the page cannot be seen. handlers: open, closed(error),
// and one of each event's name.
export function follow(handlers) {
    let control = null, wait = 500;
    async function run() {
        while (!document.hidden) {
            control = new AbortController();
            try {
                await read({...handlers, open() {
                    wait = 500;
                    handlers.open();
                }}, control.signal);
                handlers.closed(null);
            } catch (error) {
                if (document.hidden)
                    break;
                handlers.closed(error);
                if (error.status === 401)
                    return;
            }
            await new Promise(resolve => setTimeout(resolve, wait));
            wait = Math.min(wait * 2, 15000);
        }
        control = null;
    }
    document.addEventListener('visibilitychange', () => {
        if (document.hidden)
            control?.abort();
        else if (!control)
            run();
    });
    run();
}
