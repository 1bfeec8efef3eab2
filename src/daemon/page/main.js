// Which view is shown, and what the stream of events tells it.
import {follow, get, takeToken} from './api.js';
import {duration, el} from './format.js';
import {JobView} from './job.js';
import {Overview} from './overview.js';
import {SubmitView} from './submit.js';

const $ = id => document.getElementById(id);
let view = null, about = null;

// A sentence for everybody; an error also stays on the page until something works.
function say(text, isError = false) {
    $('said').textContent = isError ? '' : text;
    $('problem').textContent = isError ? text : '';
    $('problem').hidden = !isError;
}

function showAbout() {
    if (!about)
        return;
    const states = Object.entries(about.states).filter(([, n]) => n).map(([name, n]) => `${n} ${name}`);
    $('about').textContent = `${about.host}, up ${duration(about.now - about.started)}` + (states.length ? ': ' + states.join(', ') : '');
}

async function loadAbout() {
    about = await get('about');
    showAbout();
}

async function show() {
    takeToken();
    const job = /^#\/job\/(\d+)$/.exec(location.hash);
    view?.destroy();
    view = job ? new JobView(Number(job[1]), say) : location.hash === '#/submit' ? new SubmitView(say) : new Overview(say);
    const mine = view;
    document.title = job ? `job ${job[1]} – bit` : view instanceof SubmitView ? 'submit – bit' : 'bit';
    $('main').replaceChildren(el('p', {class: 'quiet'}, 'Loading …'));
    try {
        await Promise.all([mine.load(), loadAbout()]);
        if (mine !== view)
            return;
        say('');
        $('main').replaceChildren(mine.node);
        mine.shown?.();
    } catch (error) {
        if (mine === view) {
            say(error.message, true);
            $('main').replaceChildren(el('p', {}, el('a', {href: '#/'}, 'All jobs')));
        }
    }
}

function link(text, live) {
    $('link').textContent = text;
    $('link').className = live ? 'live' : '';
}

addEventListener('hashchange', () => {
    show();
    $('main').focus();
});
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => view?.recolour());

await show();
let seen = false;
link('connecting', false);
follow({
    open() {
        link('live', true);
        if (seen) // what happened meanwhile is replayed, but hosts and progress are not
            view?.event({id: view.id});
        seen = true;
    },
    closed(error) {
        link(error?.status === 401 ? 'not allowed' : 'no connection, trying again', false);
    },
    job(data) {
        view?.event(data);
        loadAbout().catch(() => {});
    },
    progress(data) {
        view?.step(data);
    },
    resync() {
        show();
    },
});
