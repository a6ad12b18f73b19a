// Draws the timeline page (html.h) from what it carries as JSON, written by html.c: `keys`, each
// with its operations, the order that explains most of them, and the one that is stuck.
'use strict';

const ROW = 50, BAR = 26, LEFT = 96, TOP = 14, GAP = 16, LETTER = 7.9;
const make = (parent, name, attributes, text) => {
  const svg = parent.namespaceURI.endsWith('svg') || name === 'svg';
  const node = svg ? document.createElementNS('http://www.w3.org/2000/svg', name)
    : document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  return parent.appendChild(node);
};

// Where each event stands: one column an event, wide enough for what is written on the bars.
function layout(key) {
  const places = key.ops.flatMap(op => op.ret === null ? [op.call] : [op.call, op.ret]);
  const order = [...new Set(places)].sort((a, b) => a - b);
  const column = new Map(order.map((place, i) => [place, i]));
  for (const op of key.ops) {
    op.from = column.get(op.call);
    op.to = op.ret === null ? order.length : column.get(op.ret);
  }
  const width = new Array(order.length).fill(GAP);
  for (const op of [...key.ops].sort((a, b) => (a.to - a.from) - (b.to - b.from))) {
    let have = 0;
    for (let i = op.from; i < op.to; i++) have += width[i];
    const missing = op.text.length * LETTER + 18 - have;
    for (let i = op.from; missing > 0 && i < op.to; i++) width[i] += missing / (op.to - op.from);
  }
  const x = [LEFT];
  width.forEach((w, i) => x.push(x[i] + w));
  return x;
}

// Points in time for the operations of an order: each within its bar, none before the last one.
function points(key, order, x) {
  const columns = [];
  order.forEach((index, i) => {
    columns.push(Math.max(i === 0 ? 0 : columns[i - 1], key.ops[index].from));
  });
  return order.map((index, i) => {
    const first = columns.indexOf(columns[i]), count = columns.lastIndexOf(columns[i]) - first + 1;
    const from = x[columns[i]], to = x[columns[i] + 1];
    return { x: from + (to - from) * (i - first + 1) / (count + 1),
      y: key.ops[index].y + BAR / 2 };
  });
}

function draw(key, place) {
  const x = layout(key);
  const processes = [...new Set(key.ops.map(op => op.process))];
  const height = TOP + ROW * processes.length, width = x[x.length - 1] + 24;
  const box = make(make(place, 'div', { class: 'card' }), 'div', { class: 'scroll' });
  const svg = make(box, 'svg', { width, height, role: 'group' });
  processes.forEach((process, row) => {
    const y = TOP + row * ROW + BAR / 2;
    make(svg, 'line', { class: 'row', x1: LEFT - 8, x2: width, y1: y, y2: y });
    make(svg, 'text', { class: 'name', x: 14, y: y + 4 }, 'process ' + process);
  });
  const told = make(place, 'div', { class: 'card told', 'aria-live': 'polite' });
  key.ops.forEach((op, index) => {
    op.y = TOP + processes.indexOf(op.process) * ROW + BAR / 2;
    const what = op.ret === null ? 'info' : '';
    const node = make(svg, 'g', { class: 'bar ' + what + (index === key.stuck ? ' stuck' : ''),
      tabindex: 0, role: 'button', 'aria-label': op.name + ', ' + op.text });
    make(node, 'title', {}, op.name + ', process ' + op.process + ': ' + op.text);
    make(node, 'rect', { x: x[op.from], y: op.y - BAR / 2, rx: 5,
      width: Math.max(10, x[op.to] - x[op.from] - 3), height: BAR });
    make(node, 'text', { x: x[op.from] + 8, y: op.y + 4 }, op.text);
    op.node = node;
    for (const event of ['mouseenter', 'focus', 'click']) {
      node.addEventListener(event, () => choose(key, index));
    }
  });
  key.layer = make(svg, 'g');
  key.told = told;
  key.x = x;
  choose(key, key.stuck);
  box.scrollLeft = x[key.ops[key.stuck].to] - box.clientWidth * 0.7;
}

function choose(key, index) {
  const op = key.ops[index];
  const prefix = index === key.stuck ? key.main : op.prefix;
  const order = prefix === null ? [] : key.prefixes[prefix].ops;
  key.ops.forEach((other, i) => {
    other.node.classList.toggle('out', !order.includes(i));
    other.node.classList.toggle('chosen', i === index);
  });
  key.layer.replaceChildren();
  const dots = points(key, order, key.x);
  make(key.layer, 'polyline', { class: 'path', points: dots.map(d => d.x + ',' + d.y).join(' ') });
  dots.forEach((dot, i) => {
    const node = make(key.layer, 'g', { class: 'dot' });
    make(node, 'circle', { cx: dot.x, cy: dot.y, r: 8 });
    make(node, 'text', { x: dot.x, y: dot.y + 3.2 }, key.prefixes[prefix].skipped + i + 1);
  });
  tell(key, index, prefix, order);
}

function tell(key, index, prefix, order) {
  const op = key.ops[index];
  key.told.replaceChildren();
  const head = make(key.told, 'div');
  make(head, 'b', index === key.stuck ? { class: 'bad' } : {}, op.text);
  make(head, 'span', { class: 'dim' }, '  ' + op.name + ', process ' + op.process + '. ');
  const total = prefix === null ? 0 : key.prefixes[prefix].skipped + order.length;
  const states = key.states.join(', ');
  let why = 'The longest order with it has ' + total + ' operations.';
  if (index === key.stuck) {
    why = 'It fits nowhere: when it returned, what was there could only be ' + states +
      '. The longest order up to it:';
  } else if (prefix === null && op.ret === null) {
    why = 'No one heard how it ended, and no one needs it to have been carried out.';
  } else if (prefix === null) {
    why = 'No order has room for it.';
  }
  make(head, 'span', {}, why);
  if (prefix === null) return;
  const list = make(key.told, 'ol', { start: key.prefixes[prefix].skipped + 1 });
  order.forEach((other, i) => {
    const item = make(list, 'li', other === index ? { class: 'chosen' } : {});
    make(item, 'code', {}, key.ops[other].text);
    make(item, 'span', {}, '  \u2192 ' + key.prefixes[prefix].states[i]);
    if (other === index) list.scrollTop = item.offsetTop - 120;
  });
  if (!order.includes(index)) list.scrollTop = list.scrollHeight;
}

const data = JSON.parse(document.getElementById('data').textContent);
data.keys.forEach((key, i) => draw(key, document.getElementById('key-' + i)));
