// The form that hands a job, or a sweep, to bitd: as text, for the page names no files.
import {post} from './api.js';
import {el, replace} from './format.js';

const EXAMPLE = `{
  "model": {"depth": 50, "width": 1},
  "data": {"train": "/my-images/train", "val": "/my-images/val"},
  "schedule": {"epochs": 90, "batch": 256}
}`;

// 3, or 2-4.
function ranks(text) {
    const found = /^(\d+)(?:-(\d+))?$/.exec(text.trim());
    return found ? [Number(found[1]), Number(found[2] || found[1])] : null;
}

// 12, or 12:any, with commas between.
function needs(text) {
    const words = text.split(/[\s,]+/).filter(word => word).map(word => /^(\d+)(?::(ok|any))?$/.exec(word));
    return words.includes(null) ? null : words.map(([, id, kind]) => ({id: Number(id), kind: kind || 'ok'}));
}

export class SubmitView {
    constructor(say) {
        this.say = say;
        const field = (name, title, note, input) => el('div', {class: 'field'}, el('label', {for: name}, title), input, el('small', {id: name + '-note'}, note));
        const line = (name, title, note, more) => field(name, title, note, this[name] = el('input', {id: name, 'aria-describedby': name + '-note', autocomplete: 'off', ...more}));
        this.job = el('textarea', {id: 'job', rows: 16, spellcheck: 'false', required: true, placeholder: EXAMPLE, 'aria-describedby': 'job-note problems', 'data-key': 'job'});
        this.file = el('input', {id: 'file', type: 'file', accept: '.json,application/json', onchange: () => this.read()});
        this.problems = el('div', {id: 'problems', role: 'alert'});
        this.button = el('button', {type: 'submit', 'data-key': 'submit'}, 'Submit');
        this.node = el('form', {class: 'submit', onsubmit: event => {
            event.preventDefault();
            this.send();
        }}, el('p', {}, el('a', {href: '#/'}, 'All jobs')), el('h2', {}, 'Submit a job'),
            field('file', 'Job file', 'Of the machine with this browser; it is read into the field below.', this.file),
            field('job', 'Job', 'JSON, as "bit help job" has it, or a sweep ("bit help sweep"). Paths are absolute, on the machine of bitd.', this.job), this.problems,
            el('div', {class: 'fields'},
                line('name', 'Name', 'Letters, digits, ".", "_", "-".', {maxlength: 100, pattern: '[A-Za-z0-9_][A-Za-z0-9._\\-]*'}),
                line('ranks', 'Ranks', 'N, or MIN-MAX: as many as there is room for.', {value: '1', inputmode: 'numeric', required: true}),
                line('threads', 'Threads a rank', 'Empty: as the job says, or a host\'s cores shared out.', {inputmode: 'numeric', pattern: '[0-9]*'}),
                line('priority', 'Priority', 'Larger starts earlier; an hour of waiting counts as one.', {value: '0', type: 'number', step: 1}),
                line('after', 'After', 'Numbers of jobs that have to end first: 12, or 12:any.', {})),
            el('div', {class: 'bar'}, this.button));
    }

    async load() { /* nothing to ask for */ }

    shown() {
        this.job.focus();
    }

    async read() {
        const file = this.file.files[0];
        if (!file)
            return;
        this.job.value = await file.text();
        if (!this.name.value)
            this.name.value = file.name.replace(/\.json$/, '').replace(/[^A-Za-z0-9._-]/g, '_').slice(0, 100);
    }

    tell(text, list = []) {
        replace(this.problems, el('p', {class: 'why bad'}, text), list.length ? el('ul', {}, list.map(problem => el('li', {}, problem))) : null);
        this.job.setAttribute('aria-invalid', 'true');
    }

    async send() {
        const list = ranks(this.ranks.value), after = needs(this.after.value);
        if (!list || !after) {
            this.tell(list ? 'After: expected numbers of jobs, with commas between.' : 'Ranks: expected a number, or MIN-MAX.');
            return;
        }
        const token = crypto.getRandomValues(new Uint8Array(16)).reduce((text, byte) => text + byte.toString(16).padStart(2, '0'), '');
        const body = {job: this.job.value, ranks: list, priority: Number(this.priority.value) || 0, after, token};
        if (this.name.value)
            body.name = this.name.value;
        if (this.threads.value)
            body.threads = Number(this.threads.value);
        this.button.disabled = true;
        try {
            const job = await post('jobs', body);
            this.say(`Job ${job.id} was submitted`);
            location.hash = '#/job/' + job.id;
        } catch (error) {
            this.tell(error.message, error.problems);
        } finally {
            this.button.disabled = false;
        }
    }

    event() { /* nothing changes here */ }
    step() { /* nor here */ }
    recolour() { /* colours are style's */ }
    destroy() { /* nothing to stop */ }
}
