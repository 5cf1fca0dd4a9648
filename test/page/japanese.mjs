/* japanese: finds the English sentences that are left in a page in Japanese: three or more words
 * of lower case in a row, in what is shown or read out. What is typed (code), what ilsd wrote
 * down (pre, mono), and what people gave (names, descriptions) is not the page's to translate. */

/* Runs in the browser. */
function look() {
    const SENTENCE = /\b[A-Za-z][a-z']+(?:[ ,;:]+[a-z'-]{2,}){2,}/;
    const NOT_OURS = 'code, pre, .mono, textarea, script, noscript, button[lang]';
    const found = [];
    const COMMAND = /\bils( [a-z-]+)+/g;
    const see = (text, where) => {
        if (SENTENCE.test(text?.replace(COMMAND, '') ?? '')) found.push(`${where}: ${text.trim().slice(0, 160)}`);
    };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode())
        if (!node.parentElement.closest(NOT_OURS)) see(node.data, 'text');
    for (const e of document.querySelectorAll('[aria-label], [title], [placeholder], [alt]')) {
        if (e.closest(NOT_OURS)) continue;
        const typed = e.closest('.command')?.querySelector('code')?.textContent ?? '';
        for (const name of ['aria-label', 'title', 'placeholder', 'alt'])
            see(e.getAttribute(name)?.replace(typed, ''), name);
    }
    see(document.title, 'title of the page');
    return [...new Set(found)];
}

export function english(page) {
    return page.evaluate(look);
}
