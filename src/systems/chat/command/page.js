// The page of the chat: a client like any other (specs/systems/chat.md). What was sent and not
// answered stays here, over reloads, and is sent again as it was, to whichever node answers next.
"use strict";

const FIRST_RETRY_MS = 1000;
const RETRY_MS_MAX = 15000;
const LOOK_BACK = 100; // events that a room begins with
const IN_FLIGHT = 32;
const ROOM_FIRST = "lobby";

const $ = (id) => document.getElementById(id);

// --- what is kept over a reload of this tab ---

const KEPT = "quartet-chat";
const fresh = () => ({ user: "", identity: null, nextId: 1, rooms: {}, outbox: [] });
let kept = fresh();
try {
  kept = Object.assign(kept, JSON.parse(sessionStorage.getItem(KEPT) || "{}"));
} catch {
  // what cannot be read is not there
}
const keep = () => sessionStorage.setItem(KEPT, JSON.stringify(kept));

// --- what is known while the page is open ---

const rooms = new Map(); // name -> room
let current = "";
let editing = 0; // number of the post whose text is in the field; 0: none

function roomOf(name) {
  if (!rooms.has(name)) {
    rooms.set(name, { name, posts: new Map(), order: [], people: null, version: 0, count: 0,
                      unread: 0, unreadFrom: 0, earlier: 0, joined: false });
  }
  return rooms.get(name);
}

// --- the connection ---

let socket = null;
let welcome = null;
let endpoints = [location.origin];
let endpoint = 0;
let failures = 0;
let timer = 0;
let heardAt = 0;
let asks = 1e9; // ids of what is no change
const asked = new Map(); // id -> what was asked

function say(message) {
  if (socket && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

function ask(message) {
  const id = ++asks;
  asked.set(id, message);
  say({ ...message, id });
}

function show(text, bad) {
  $("state").textContent = text;
  $("state").classList.toggle("bad", bad);
}

function connect() {
  clearTimeout(timer);
  const at = endpoints[endpoint % endpoints.length];
  show("connecting to " + new URL(at).host, false);
  welcome = null;
  socket = new WebSocket(at.replace(/^http/, "ws") + "/chat", "quartet.chat.v1");
  const mine = socket;
  socket.onopen = () => {
    const seen = {};
    for (const [name, room] of Object.entries(kept.rooms)) {
      if (room.seen !== null) seen[name] = room.seen;
    }
    say({ type: "hello", user: kept.user, rooms: seen, ...(kept.identity || {}) });
  };
  socket.onmessage = (event) => {
    heardAt = Date.now();
    hear(JSON.parse(event.data));
  };
  socket.onclose = (event) => {
    if (mine === socket) closed(event.code);
  };
}

function closed(code) {
  socket = null;
  welcome = null;
  asked.clear();
  for (const room of rooms.values()) room.joined = false;
  if (code === 4409) {
    // Another tab goes on with this identity, and with what was not answered.
    kept.identity = null;
    kept.nextId = 1;
    for (const sent of kept.outbox) sent.failed = "another tab took over";
    keep();
    draw();
  }
  failures++;
  endpoint++;
  const most = Math.min(RETRY_MS_MAX, FIRST_RETRY_MS * 2 ** (failures - 1));
  const wait = failures === 1 ? Math.random() * FIRST_RETRY_MS : Math.random() * most;
  countDown(Date.now() + wait);
}

function countDown(until) {
  const left = until - Date.now();
  if (left <= 0) {
    connect();
    return;
  }
  show("offline; trying again in " + Math.ceil(left / 1000) + " s", true);
  timer = setTimeout(() => countDown(until), Math.min(left, 1000));
}

// A connection that died without a word, or slept with the machine.
setInterval(() => {
  if (!welcome) return;
  const silent = Date.now() - heardAt;
  if (silent > 1600 * welcome.heartbeat_s) socket.close();
  else if (silent > 1000 * welcome.heartbeat_s) say({ type: "ping" });
}, 1000);
addEventListener("online", () => { if (!socket) connect(); });

// --- posting ---

function post(message) {
  kept.outbox.push({ id: kept.nextId++, ...message });
  keep();
  flush();
  draw();
}

function flush() {
  if (!welcome) return;
  const waiting = kept.outbox.filter((sent) => !sent.failed);
  for (const sent of waiting.slice(0, IN_FLIGHT)) {
    if (sent.under === welcome.nonce) continue;
    sent.under = welcome.nonce;
    const { type, id, room, seq, text } = sent;
    say({ type, id, room, seq, text });
  }
}

function answered(id, failure, mayTryAgain) {
  const sent = kept.outbox.find((one) => one.id === id && !one.failed);
  if (!sent) return;
  if (mayTryAgain) {
    setTimeout(() => { sent.under = 0; flush(); }, FIRST_RETRY_MS);
    return;
  }
  if (failure) sent.failed = failure;
  else kept.outbox = kept.outbox.filter((one) => one !== sent);
  keep();
  flush();
  draw();
}

// --- hearing ---

const hears = {
  welcome(message) {
    if (kept.identity && kept.identity.epoch !== message.epoch) {
      for (const room of Object.values(kept.rooms)) room.seen = 0; // all numbers begin anew
      rooms.clear();
    }
    if (kept.identity && kept.identity.client !== message.client) {
      for (const sent of kept.outbox) sent.failed = "this is another chat now";
      kept.nextId = 1;
    }
    kept.identity = { client: message.client, secret: message.secret, epoch: message.epoch };
    welcome = { ...message, nonce: Math.random() };
    failures = 0;
    if (message.endpoints.length > 0) {
      const here = endpoints[endpoint % endpoints.length];
      endpoints = message.endpoints.includes(here)
        ? message.endpoints : [here, ...message.endpoints];
      endpoint = endpoints.indexOf(here);
    }
    show("connected to node " + message.node + " as " + message.user, false);
    for (const [name, room] of Object.entries(kept.rooms)) {
      if (room.seen === null) ask({ type: "join", room: name, after: 0, last: LOOK_BACK });
    }
    keep();
    flush();
  },
  joined(message) {
    const room = roomOf(message.room);
    room.joined = true;
    room.people = null;
    if (!(message.room in kept.rooms)) kept.rooms[message.room] = { seen: 0 };
    if (kept.rooms[message.room].seen === null) kept.rooms[message.room].seen = 0;
    room.count = message.presence.count;
    asked.delete(message.id);
    ask({ type: "presence", room: message.room });
    keep();
  },
  left(message) {
    rooms.delete(message.room);
    asked.delete(message.id);
  },
  event(message) {
    const room = roomOf(message.room);
    take(room, message);
    if (kept.rooms[message.room]) kept.rooms[message.room].seen = message.seq;
    const own = kept.identity && message.client === kept.identity.client;
    const away = room.name !== current || document.hidden;
    if (message.kind === "post" && away && !own) {
      if (room.unread++ === 0) room.unreadFrom = message.seq;
    }
    if (own) answered(message.id);
    keep();
  },
  gap(message) {
    const room = roomOf(message.room);
    room.earlier = Math.max(room.earlier, message.to + 1);
    if (kept.rooms[message.room]) kept.rooms[message.room].seen = message.to;
    keep();
  },
  ack(message) {
    const sent = kept.outbox.find((one) => one.id === message.id && !one.failed);
    if (sent) answered(message.id);
  },
  history(message) {
    const question = asked.get(message.id);
    asked.delete(message.id);
    if (!question) return;
    const room = roomOf(question.room);
    for (const event of message.events) take(room, event);
    room.earlier = message.before || 0;
  },
  presence(message) {
    const room = roomOf(message.room);
    room.count = message.count;
    if (message.users) {
      asked.delete(message.id);
      room.people = new Set(message.users);
      room.version = message.version;
    } else if (!room.people || message.version <= room.version) {
      return;
    } else if (!message.joined || message.was < room.version) {
      ask({ type: "presence", room: message.room });
    } else {
      for (const user of message.joined) room.people.add(user);
      for (const user of message.left) room.people.delete(user);
      room.version = message.version;
    }
  },
  status(message) {
    if (message.leader) show("connected to node " + welcome.node, false);
    else show("read only: no node leads now", true);
  },
  bye() {
    endpoint++;
  },
  error(message) {
    const question = asked.get(message.id);
    asked.delete(message.id);
    if (!welcome && !question) {
      if (message.code === "client_forgotten" || message.code === "bad_client") {
        kept.identity = null;
        kept.nextId = 1;
        for (const sent of kept.outbox) sent.failed = "nobody knows whether it was posted";
        keep();
      }
      show(message.message, true);
      socket.close();
    } else if (question) {
      if (message.retry && question.type === "join") setTimeout(() => ask(question), FIRST_RETRY_MS);
      else show(message.message, true);
    } else if (message.id) {
      answered(message.id, message.message, message.retry);
    } else if (message.room && message.retry) {
      const seen = (kept.rooms[message.room] || { seen: 0 }).seen;
      setTimeout(() => ask({ type: "join", room: message.room, after: seen || 0 }), FIRST_RETRY_MS);
    }
  },
};

function hear(message) {
  if (hears[message.type]) hears[message.type](message);
  draw();
}

// Into what the room shows; edits and deletions change what is there.
function take(room, event) {
  if (event.kind === "post") {
    if (!room.posts.has(event.seq)) room.order.push(event.seq);
    room.posts.set(event.seq, event);
    room.order.sort((a, b) => a - b);
    return;
  }
  const about = room.posts.get(event.of);
  if (!about) return;
  if (event.kind === "delete" || event.deleted) about.deleted = true;
  else Object.assign(about, { text: event.text, data: event.data, edited: true });
}

// --- drawing: all text is text ---

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function button(text, action) {
  const made = element("button", "", text);
  made.type = "button";
  made.onclick = action;
  return made;
}

const textOf = (post) => (post.text !== undefined ? post.text : JSON.stringify(post.data));
const clock = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit" });

function postLine(room, post) {
  const own = kept.identity && post.client === kept.identity.client;
  const line = element("li", own ? "own" : "");
  if (post.seq === room.unreadFrom && room.unread > 0) line.classList.add("unread");
  const time = element("time", "", clock.format(post.time));
  time.dateTime = new Date(post.time).toISOString();
  line.append(element("bdi", "who", post.user), " ", time, " ");
  if (post.deleted) {
    line.append(element("span", "gone", "deleted"));
    return line;
  }
  line.append(element("bdi", "what", textOf(post)));
  if (post.edited) line.append(element("span", "mark", " (edited)"));
  if (own && post.text !== undefined) {
    const tools = element("span", "tools");
    const name = "message " + post.seq;
    const edit = button("Edit", () => beginEdit(post));
    const erase = button("Delete", () => post_delete(room, post));
    edit.setAttribute("aria-label", "Edit " + name);
    erase.setAttribute("aria-label", "Delete " + name);
    tools.append(edit, erase);
    line.append(tools);
  }
  return line;
}

function post_delete(room, post_) {
  post({ type: "delete", room: room.name, seq: post_.seq });
}

function sentLine(sent) {
  const line = element("li", "own");
  line.append(element("bdi", "who", kept.user), " ", element("bdi", "what", sent.text), " ");
  if (!sent.failed) {
    line.append(element("span", "mark", "sending"));
    return line;
  }
  line.append(element("span", "failed", "not sent: " + sent.failed));
  const tools = element("span", "tools");
  const forget = () => { kept.outbox = kept.outbox.filter((one) => one !== sent); };
  tools.append(
    button("Send again", () => {
      forget();
      post({ type: sent.type, room: sent.room, seq: sent.seq, text: sent.text });
    }),
    button("Discard", () => { forget(); keep(); draw(); }));
  line.append(tools);
  return line;
}

function drawLog(room) {
  const log = $("log");
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  const before = log.scrollHeight - log.scrollTop;
  const lines = [];
  if (room.earlier > 1) {
    const line = element("li", "gap");
    line.append(button("Show earlier messages", () => ask(
      { type: "history", room: room.name, before: room.earlier, limit: LOOK_BACK })));
    lines.push(line);
  }
  for (const seq of room.order) lines.push(postLine(room, room.posts.get(seq)));
  for (const sent of kept.outbox) {
    if (sent.room === room.name && sent.type === "post") lines.push(sentLine(sent));
  }
  if (lines.length === 0) lines.push(element("li", "gap", "Nobody has said anything yet."));
  log.replaceChildren(...lines);
  log.scrollTop = atEnd ? log.scrollHeight : log.scrollHeight - before;
}

function drawRooms() {
  const lines = Object.keys(kept.rooms).sort().map((name) => {
    const room = roomOf(name);
    const line = element("li");
    const choose = button(name, () => choose_room(name));
    if (name === current) choose.setAttribute("aria-current", "true");
    if (room.unread > 0) {
      const count = element("span", "mark", String(room.unread));
      count.setAttribute("aria-label", room.unread + " unread");
      choose.append(" ", count);
    }
    line.append(choose);
    return line;
  });
  $("rooms").replaceChildren(...lines);
}

function drawPeople(room) {
  $("people-title").textContent = "Here now: " + room.count;
  const names = room.people ? [...room.people].sort() : [];
  $("people").replaceChildren(...names.map((name) => {
    const line = element("li");
    line.append(element("bdi", "", name));
    return line;
  }));
}

let drawing = false;
function draw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    if (!kept.user) return;
    const room = roomOf(current);
    $("title").textContent = current;
    drawRooms();
    drawLog(room);
    drawPeople(room);
  });
}

// --- what a person does ---

function choose_room(name) {
  const room = roomOf(current);
  room.unread = 0;
  current = name;
  kept.current = name;
  keep();
  draw();
  $("text").focus();
}

function beginEdit(post_) {
  editing = post_.seq;
  $("text").value = post_.text;
  $("cancel").hidden = false;
  $("text").focus();
}

function endEdit() {
  editing = 0;
  $("text").value = "";
  $("cancel").hidden = true;
}

function begin() {
  $("enter").hidden = true;
  $("chat").hidden = false;
  if (Object.keys(kept.rooms).length === 0) kept.rooms[ROOM_FIRST] = { seen: null };
  // What was seen is not here any more after a reload: begin with the last of each room.
  for (const room of Object.values(kept.rooms)) room.seen = null;
  current = kept.current in kept.rooms ? kept.current : Object.keys(kept.rooms)[0];
  keep();
  draw();
  connect();
  $("text").focus();
}

$("enter").onsubmit = (event) => {
  event.preventDefault();
  kept.user = $("name").value;
  begin();
};
$("join").onsubmit = (event) => {
  event.preventDefault();
  const name = $("room").value;
  $("room").value = "";
  if (!(name in kept.rooms)) {
    kept.rooms[name] = { seen: null };
    if (welcome) ask({ type: "join", room: name, after: 0, last: LOOK_BACK });
  }
  choose_room(name);
};
$("say").onsubmit = (event) => {
  event.preventDefault();
  const text = $("text").value;
  if (text === "") return;
  const what = { type: editing ? "edit" : "post", room: current, text };
  if (editing) what.seq = editing;
  endEdit();
  post(what);
};
$("cancel").onclick = endEdit;
$("text").onkeydown = (event) => { if (event.key === "Escape") endEdit(); };
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) roomOf(current).unread = 0;
  draw();
});

if (kept.user) begin();
else $("name").focus();
