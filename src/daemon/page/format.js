// Numbers, times and elements for people. Text only ever becomes text: nothing is parsed as HTML.

// An element: properties and attributes, then children (texts, elements, nothing).
export function el(tag, properties, ...children) {
    const node = document.createElement(tag);
    for (const [key, value] of Object.entries(properties || {})) {
        if (key.startsWith('on'))
            node.addEventListener(key.slice(2), value);
        else if (key === 'class')
            node.className = value;
        else if (value !== null && value !== undefined && value !== false)
            node.setAttribute(key, value === true ? '' : value);
    }
    for (const child of children.flat())
        if (child !== null && child !== undefined)
            node.append(child);
    return node;
}

// The same of a drawing.
export function svg(tag, attributes, ...children) {
    const node = document.createElementNS('http://www.w3.org/2000/svg', tag);
    for (const [key, value] of Object.entries(attributes))
        node.setAttribute(key, value);
    node.append(...children);
    return node;
}

export const count = n => n === null || n === undefined ? '–' : Math.round(n).toLocaleString('en-US');

export function number(x, digits = 4) {
    if (x === null || x === undefined || !Number.isFinite(x))
        return '–';
    const size = Math.abs(x);
    if (x !== 0 && (size < 1e-3 || size >= 1e7))
        return x.toExponential(digits - 2);
    return String(Number(x.toPrecision(digits)));
}

export const percent = x => x === null || x === undefined ? '–' : (100 * x).toFixed(2) + ' %';
export const metric = (form, x) => form === 'share' ? percent(x) : number(x);

export function bytes(n) {
    const units = ['B', 'kB', 'MB', 'GB', 'TB'];
    let i = 0;
    for (; n >= 999.5 && i < 4; i++)
        n /= 1000;
    return number(n, 3) + ' ' + units[i];
}

export function duration(seconds) {
    if (seconds === null || seconds === undefined || !Number.isFinite(seconds))
        return '–';
    const s = Math.max(0, Math.round(seconds));
    if (s < 100)
        return s + ' s';
    if (s < 6000)
        return Math.round(s / 60) + ' min';
    if (s < 48 * 3600)
        return Math.floor(s / 3600) + ' h ' + Math.round(s % 3600 / 60) + ' min';
    return number(s / 86400, 3) + ' days';
}

// Unix seconds in this browser's zone; today without the date.
export function time(seconds) {
    if (!seconds)
        return '–';
    const t = new Date(1000 * seconds), two = n => String(n).padStart(2, '0');
    const clock = `${two(t.getHours())}:${two(t.getMinutes())}:${two(t.getSeconds())}`;
    return t.toDateString() === new Date().toDateString() ? clock : `${t.getFullYear()}-${two(t.getMonth() + 1)}-${two(t.getDate())} ${clock}`;
}

export const state = name => el('span', {class: 'state ' + name}, name);

// A table: columns are {title, of(row) -> text or node, number, wide}. On a narrow screen each row is a card, unless the table is narrow, too.
export function table(caption, columns, rows, empty, isNarrow = false) {
    if (!rows.length)
        return el('p', {class: 'quiet'}, empty);
    return el('table', {class: isNarrow ? '' : 'cards', 'aria-label': caption},
        el('thead', {}, el('tr', {}, columns.map(c => el('th', {scope: 'col', class: c.number ? 'number' : ''}, c.title)))),
        el('tbody', {}, rows.map(row => el('tr', {}, columns.map(c =>
            el('td', {class: (c.number ? 'number' : '') + (c.wide ? ' wide' : ''), 'data-label': c.title}, c.of(row)))))));
}

// Puts new content in the place of a node's old one, unless somebody is about to press a button in it: focus stays where it was.
export function replace(node, ...children) {
    const active = node.contains(document.activeElement) ? document.activeElement : null;
    const key = active?.getAttribute('data-key');
    const open = new Set([...node.querySelectorAll('details[open]')].map(d => d.dataset.key));
    node.replaceChildren(...children.flat().filter(child => child !== null));
    for (const details of node.querySelectorAll('details'))
        if (open.has(details.dataset.key))
            details.open = true;
    if (key)
        node.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();
}
