/* layout: what does not stand where it is to stand, as functions that run in the page. */

/* What stands out of its section or dialog to the right, and does not scroll in a box of its own;
 * and how far the page itself scrolls sideways. */
export function outside() {
    const found = [];
    for (const section of document.querySelectorAll('main section, dialog')) {
        const style = getComputedStyle(section);
        const right = section.getBoundingClientRect().right - parseFloat(style.paddingRight) + 1;
        for (const e of section.querySelectorAll('*')) {
            const box = e.getBoundingClientRect();
            const mine = e.parentElement.closest('section, dialog') === section;
            if (mine && e.tagName !== 'DIALOG' && box.width > 1 && box.right > right &&
                !e.closest('.scroll, .canvas, pre, .unseen'))
                found.push(`${e.tagName} ${e.id || e.className}`);
        }
    }
    const root = document.documentElement;
    return [...found.slice(0, 5), ...(root.scrollWidth > root.clientWidth ? ['the page'] : [])];
}

/* Words of commands that are broken although a line has room for them. */
export function broken() {
    const found = [];
    for (const code of document.querySelectorAll('.command code, a code')) {
        const walk = document.createTreeWalker(code, NodeFilter.SHOW_TEXT);
        for (let node = walk.nextNode(); node; node = walk.nextNode())
            for (const word of node.data.matchAll(/\S+/g)) {
                const range = document.createRange();
                range.setStart(node, word.index);
                range.setEnd(node, word.index + word[0].length);
                const lines = [...range.getClientRects()].filter(r => r.width > 0);
                const wide = lines.reduce((sum, r) => sum + r.width, 0);
                const tops = new Set(lines.map(r => Math.round(r.top)));
                if (tops.size > 1 && wide < 0.9 * code.parentElement.clientWidth)
                    found.push(word[0]);
            }
    }
    return found;
}

/* Pairs of fingerprints that are broken: they are compared by eye. */
export function halved() {
    const found = [];
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walk.nextNode(); node; node = walk.nextNode()) {
        const parent = node.parentElement;
        const print = /([0-9A-F]{2}:){9}/.test(parent.textContent);
        if (!print || parent.closest('.typed, pre')) continue;
        for (const pair of node.data.matchAll(/\b[0-9A-F]{2}\b/g)) {
            const range = document.createRange();
            range.setStart(node, pair.index);
            range.setEnd(node, pair.index + 2);
            const tops = [...range.getClientRects()].map(r => Math.round(r.top));
            if (new Set(tops).size > 1) found.push(parent.tagName + parent.className);
        }
    }
    return found;
}

/* Text from right to left that is not set apart from what is beside it, and what is to steer the
 * direction of what follows. */
export function strayed() {
    const right = /[\u0590-\u08ff]/;
    const found = [];
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walk.nextNode(); node; node = walk.nextNode()) {
        const text = node.data;
        if (/[\u202a-\u202e\u2066\u2067]/.test(text)) found.push(`steers: ${text}`);
        if (!right.test(text) || node.parentElement.closest('pre')) continue;
        const alone = node.parentElement.tagName === 'BDI' && node.parentElement.dir === 'auto';
        const inside = text.replace(/\u2068[^\u2069]*\u2069/g, '');
        if (!alone && right.test(inside)) found.push(text);
    }
    return found;
}

/* Text nodes that say something of this kind: that there is something to look at. */
export function count(source) {
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    let n = 0;
    for (let node = walk.nextNode(); node; node = walk.nextNode())
        n += new RegExp(source, 'u').test(node.data);
    return n;
}
