// The schedule as a line: warm-up, where the rate falls, the last checkpoint, where it stands, where starts went on.
import {count, duration, el, svg, time} from './format.js';

export function drawSchedule(job, schedule, resumes) {
    const p = job.progress;
    if (!p || p.step === null || !p.steps)
        return null;
    const at = step => `${(100 * Math.min(1, step / p.steps)).toFixed(3)}%`, running = job.state === 'running' || job.state === 'stopping';
    const parts = [svg('title', {}, `step ${p.step} of ${p.steps}`),
        svg('rect', {x: 0, y: 18, width: '100%', height: 12, rx: 3, fill: 'var(--line)'})];
    if (schedule?.warmup_steps)
        parts.push(svg('rect', {x: 0, y: 18, width: at(schedule.warmup_steps), height: 12, rx: 3, fill: 'var(--c4)', opacity: .45}));
    parts.push(svg('rect', {x: 0, y: 21, width: at(p.step), height: 6, rx: 3, fill: 'var(--c0)'}));
    const mark = (step, name, colour, y) => {
        const near = step > .8 * p.steps;
        parts.push(svg('line', {x1: at(step), x2: at(step), y1: 14, y2: 34, stroke: `var(--${colour})`, 'stroke-width': 2}),
            svg('text', {x: at(step), y, dx: near ? -4 : 4, 'text-anchor': near ? 'end' : 'start'}, name));
    };
    (schedule?.decay_steps || []).forEach((step, i) => mark(step, i ? '' : 'rate falls', 'c3', 11));
    if (p.checkpoint_step)
        mark(p.checkpoint_step, 'checkpoint', 'c2', 46);
    // Below the other name where the two would stand on each other.
    const isNear = p.checkpoint_step && resumes.length && Math.abs(resumes.slice(-3)[0] - p.checkpoint_step) < .3 * p.steps;
    resumes.slice(-3).forEach((step, i) => mark(step, i ? '' : 'resumed', 'wait', isNear ? 60 : 46));
    const text = [`Step ${count(p.step)} of ${count(p.steps)} (${Math.round(100 * p.step / p.steps)} %)`,
        schedule?.warmup_steps && p.step < schedule.warmup_steps ? `warming up until step ${count(schedule.warmup_steps)}` : null,
        running && p.seconds_left !== null ? `ends in about ${duration(p.seconds_left)}, at ${time(Date.now() / 1000 + p.seconds_left)}` : null];
    return el('section', {}, el('h2', {}, 'Schedule'), svg('svg', {class: 'schedule', role: 'img', 'aria-label': text[0]}, ...parts),
        el('p', {}, text.filter(t => t).join(', ')));
}
