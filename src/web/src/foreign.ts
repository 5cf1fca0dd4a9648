/* foreign: text of others that runs from right to left, or says that what follows does. All text of
 * the page passes here on its way to the browser. What begins from right to left stands in an
 * element of its own, so that what is beside it keeps its place; in a sentence each part that runs
 * so is set apart by marks; what only steers the direction is shown as the character that it is. */
import { h, options, type ComponentChildren, type VNode } from 'preact';

const STEERS = /[\u202a-\u202e\u2066\u2067]/g;
const RIGHT = '\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefe\u{10800}-\u{10fff}\u{1e800}-\u{1efff}';
const ANY = new RegExp(`[${RIGHT}\u200f\u202a-\u202e\u2066-\u2069]`, 'u');
const BEGINS = new RegExp(`^[^\\p{L}]*[${RIGHT}]`, 'u');
const RUN = new RegExp(`[${RIGHT}](?:[^\\p{L}\\p{N}]*[${RIGHT}\\p{N}]+)*`, 'gu');
const [APART, BACK] = ['\u2068', '\u2069'];

/* Elements that hold text and nothing else. */
const PLAIN = new Set(['bdi', 'option', 'title', 'textarea', 'text', 'tspan']);

function clear(text: string): string {
    return text.replace(STEERS, c => `[U+${c.charCodeAt(0).toString(16).toUpperCase()}]`);
}

/* A value that goes into a sentence. */
export function apart(value: string): string {
    return ANY.test(value) ? APART + clear(value).replace(/[\u2068\u2069]/g, '') + BACK : value;
}

function sentence(text: string): string {
    return text.includes(APART) ? clear(text) : clear(text).replace(RUN, run => APART + run + BACK);
}

function shown(child: ComponentChildren, plain: boolean): ComponentChildren {
    if (typeof child !== 'string' || !ANY.test(child)) return child;
    const whole = !child.includes(APART) && BEGINS.test(child);
    if (plain) return whole ? apart(child) : sentence(child);
    return h('bdi', { dir: whole ? 'auto' : 'ltr' }, whole ? clear(child) : sentence(child));
}

function pass(children: ComponentChildren, plain: boolean): ComponentChildren {
    return Array.isArray(children)
        ? children.map(child => pass(child as ComponentChildren, plain))
        : shown(children, plain);
}

/* From the first element on. */
export function keepOrder(): void {
    const before = options.vnode;
    options.vnode = (vnode: VNode) => {
        const props = vnode.props as { children?: ComponentChildren; title?: unknown };
        if (typeof vnode.type === 'string' && vnode.type !== 'bdi') {
            if (props.children != null)
                props.children = pass(props.children, PLAIN.has(vnode.type));
            if (typeof props.title === 'string') props.title = sentence(props.title);
        }
        before?.(vnode);
    };
}
