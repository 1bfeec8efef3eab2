// What a run's predictions say: how often probabilities are right, what is taken for what, and pictures of mistakes.
import {patient, picture} from './api.js';
import {count, el, number, percent, replace, svg, table} from './format.js';
import {thumbnail} from './thumbnail.js';

const SIDE = 220, LEFT = 40, TOP = 8;

// A bar for each range of probability: the share that is right; on the line it is what the network says.
function calibration(bins) {
    const wide = SIDE / bins.length, y = share => TOP + (1 - share) * SIDE;
    const chart = svg('svg', {viewBox: `0 0 ${LEFT + SIDE + 10} ${TOP + SIDE + 24}`, class: 'calibration', role: 'img', 'aria-label': 'share that is right, by probability; the table has the same'});
    bins.forEach((bin, i) => {
        if (bin.images)
            chart.append(svg('rect', {x: LEFT + i * wide + 1, width: wide - 2, y: y(bin.right), height: bin.right * SIDE},
                svg('title', {}, `${bin.images} images, mean probability ${number(bin.confidence)}, right ${percent(bin.right)}`)));
    });
    chart.append(svg('line', {x1: LEFT, y1: y(0), x2: LEFT + SIDE, y2: y(1)}));
    for (const t of [0, 0.5, 1])
        chart.append(svg('text', {x: LEFT - 6, y: y(t) + 4, 'text-anchor': 'end'}, `${100 * t} %`), svg('text', {x: LEFT + t * SIDE, y: TOP + SIDE + 16, 'text-anchor': 'middle'}, String(t)));
    return chart;
}

export class Report {
    constructor(id) {
        this.id = id;
        this.node = el('div', {});
    }

    // True when there is something to show.
    async load() {
        const report = await patient(`jobs/${this.id}/report`).catch(() => null), p = report?.predictions;
        if (p)
            this.draw(p);
        return Boolean(p);
    }

    draw(p) {
        const bins = p.bins.map((bin, i) => ({...bin, from: i / p.bins.length, to: (i + 1) / p.bins.length})).filter(bin => bin.images);
        const facts = [['Images', count(p.images)], ['Right', percent(p.right)], ['Among the first five', percent(p.right_in_five)],
            ['Mean probability', percent(p.confidence)], ['Calibration error', percent(p.calibration_error)]];
        replace(this.node, el('dl', {class: 'facts'}, facts.map(([title, value]) => el('div', {}, el('dt', {}, title), el('dd', {}, value)))),
            el('div', {class: 'two'},
                el('figure', {}, el('figcaption', {}, el('h3', {}, 'Calibration')), calibration(p.bins), el('details', {'data-key': 'bins'}, el('summary', {}, 'Table'),
                    table('Calibration', [
                        {title: 'Probability', of: bin => `${number(bin.from, 2)} to ${number(bin.to, 2)}`},
                        {title: 'Images', number: true, of: bin => count(bin.images)},
                        {title: 'Mean', number: true, of: bin => percent(bin.confidence)},
                        {title: 'Right', number: true, of: bin => percent(bin.right)}], bins, '', true))),
                el('div', {}, el('h3', {}, 'Most confused'), table('Most confused', [
                    {title: 'Label', of: pair => pair.label}, {title: 'Taken for', of: pair => pair.predicted},
                    {title: 'Images', number: true, of: pair => count(pair.images)}], p.confused, 'Nothing is mistaken.', true))),
            el('h3', {}, `Mistakes: ${p.mistakes.length} of ${p.wrong}, the surest first`),
            el('ul', {class: 'pictures', 'aria-label': 'Mistakes'}, p.mistakes.map((mistake, i) => el('li', {}, thumbnail(picture(`jobs/${this.id}/mistakes/${i + 1}`), mistake.path),
                el('div', {}, el('b', {}, mistake.said[0].name), ` ${percent(mistake.said[0].probability)}`),
                el('div', {}, 'label ', el('b', {}, mistake.labels.join(', ') || 'none'), ` at place ${mistake.place}`)))));
    }
}
