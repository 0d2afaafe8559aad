// The page is described as plain values, and drawn every two seconds. Only differences are changed in
// the document, so focus, selection and scroll position stay. Text is inserted as text only: nothing
// here parses markup.

const SVG = "http://www.w3.org/2000/svg";
const PROPERTIES = new Set(["value", "checked", "disabled"]);

// Describes an element. Children are elements, text, lists of these, or nothing (null, false).
// `key` identifies a child among its siblings; `own` is called with the element, and manages its
// children; functions such as `onclick` are listeners.
export function h(tag, props, ...children) {
  return { tag, props: props ?? {}, children: listed(children) };
}

// Changes the children of `parent` to those that are described.
export function render(parent, children) {
  const wanted = listed([children]);
  const keys = new Set(wanted.map(keyOf));
  const known = new Map();
  for (const node of parent.childNodes) if (node.key !== undefined) known.set(node.key, node);
  let here = parent.firstChild;
  for (const one of wanted) {
    while (here && here.key !== undefined && !keys.has(here.key)) here = drop(here);
    let node = keyOf(one) === undefined ? here : known.get(keyOf(one));
    if (!node || !fits(node, one)) node = make(one, parent);
    if (node === here) here = here.nextSibling;
    else parent.insertBefore(node, here);
    update(node, one);
  }
  while (here) here = drop(here);
}

function listed(children) {
  const flat = children.flat(Infinity).filter((one) => one != null && one !== false && one !== "");
  return flat.map((one) => (typeof one === "object" ? one : String(one)));
}

function keyOf(one) {
  return typeof one === "string" ? undefined : one.props.key;
}

function drop(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}

function fits(node, one) {
  if (typeof one === "string") return node.nodeType === Node.TEXT_NODE;
  return node.localName === one.tag && node.key === one.props.key;
}

function make(one, parent) {
  if (typeof one === "string") return document.createTextNode(one);
  const space = one.tag === "svg" ? SVG : parent.namespaceURI;
  const node = document.createElementNS(space, one.tag);
  node.key = one.props.key;
  return node;
}

function update(node, one) {
  if (typeof one === "string") {
    if (node.data !== one) node.data = one;
    return;
  }
  const before = node.shown ?? {};
  for (const name of Object.keys(before)) if (!(name in one.props)) set(node, name, null);
  for (const [name, value] of Object.entries(one.props)) {
    if (before[name] !== value) set(node, name, value);
  }
  node.shown = one.props;
  if (one.props.own) one.props.own(node);
  else render(node, one.children);
}

function set(node, name, value) {
  if (name === "key" || name === "own") return;
  if (name.startsWith("on")) node[name] = value;
  else if (PROPERTIES.has(name) && name in node) node[name] = value ?? "";
  else if (value == null || value === false) node.removeAttribute(name);
  else node.setAttribute(name, value === true ? "" : value);
}
