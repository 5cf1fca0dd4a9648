/* large: how long it takes until what was pressed or typed is painted, with 200 clusters and a
 * million learned entries (prove_large.py). The time begins with the event in the page and ends
 * after the frame that shows the change; of a search it begins with the request, after the pause in
 * which the page waits for more typing. */
import { daemon, given, ok, play } from './harness.mjs';

const BUDGET_MS = 100;
const TURNS = 7;
const figures = [];

/* Runs in the browser: does it, and waits until the body of that table is another and painted. */
function timed({ selector, act, value, table, typing }) {
    const target = document.querySelector(selector);
    const shows = () => document.querySelector(table)?.innerText;
    const before = shows();
    const plain = window.fetch;
    return new Promise((done, fail) => {
        let began = performance.now();
        const fetched = (...args) => {
            began = performance.now();
            window.fetch = plain;
            return plain(...args);
        };
        if (typing) window.fetch = fetched;
        const clock = setTimeout(() => fail(new Error(`nothing changed: ${selector}`)), 20000);
        const watch = new MutationObserver(() => {
            if (shows() === before) return;
            watch.disconnect();
            clearTimeout(clock);
            requestAnimationFrame(() => {
                const painted = new MessageChannel();
                painted.port1.onmessage = () => done(performance.now() - began);
                painted.port2.postMessage(0);
            });
        });
        watch.observe(document.querySelector('main'),
            { subtree: true, childList: true, characterData: true });
        if (act === 'click') return target.click();
        target.value = value;
        target.dispatchEvent(new Event(act, { bubbles: true }));
    });
}

/* Processor time of the page's own thread, in ms: it does not depend on what else runs here. */
async function cpu(metrics) {
    const { metrics: all } = await metrics.send('Performance.getMetrics');
    return all.find(m => m.name === 'TaskDuration').value * 1000;
}

function note(name, times, own) {
    const sorted = [...times].sort((a, b) => a - b);
    const [middle, last] = [sorted[Math.floor(sorted.length / 2)], sorted.at(-1)];
    figures.push({ name, middle, last, own });
    ok(middle <= BUDGET_MS, `${name}: median ${middle.toFixed(0)} ms, ` +
        `longest ${last.toFixed(0)} ms of ${times.length}; ` +
        `the page's own processor time ${own.toFixed(0)} ms each`);
}

async function several(who, name, steps, more = {}) {
    const times = [];
    const before = await cpu(who.metrics);
    for (let i = 0; i < TURNS; i += 1)
        for (const step of steps) times.push(await who.page.evaluate(timed, { ...more, ...step }));
    note(name, times, (await cpu(who.metrics) - before) / times.length);
}

async function clusters(who) {
    await who.look('#/config');
    await who.page.locator('input[type=search]').first().waitFor();
    const table = '.table:has(input[type=search]) tbody';
    const search = '.table input[type=search]';
    const each = n => `.table:has(input[type=search]) th:nth-child(${n}) button`;
    ok((await daemon('h1', 'json', 'clusters')).length >= 200, 'clusters and catalogs: 200');
    const press = n => ({ selector: each(n), act: 'click' });
    await several(who, 'clusters, sorted by name', [press(1)], { table });
    await several(who, 'clusters, sorted by route string and name', [press(4), press(1)], { table });
    const type = value => ({ selector: search, act: 'input', value });
    await several(who, 'clusters, filtered', [type('h3-1'), type('h3'), type('')], { table });
    const turn = n => ({ selector: `.table:has(input[type=search]) .pager button:nth-of-type(${n})`,
        act: 'click' });
    await several(who, 'clusters, another page of rows', [turn(2), turn(1)], { table });
}

async function learned(who) {
    await who.look('#/plan?tab=learned');
    await who.page.locator('main table tbody tr').nth(20).waitFor();
    const table = 'main .section tbody';
    const turn = n => ({ selector: `main .section > .pager button:nth-of-type(${n})`, act: 'click' });
    await several(who, 'learned, another page of rows', [turn(2), turn(1)], { table });
    const kind = value => ({ selector: '#learned-kind', act: 'change', value });
    await several(who, 'learned, of one kind', [kind('URI'), kind('')], { table });
    const type = value => ({ selector: '#learned-search', act: 'input', value });
    const last = `81${1000000000 + given.entries - 1}`;
    await several(who, 'learned, a search that ends soon', [type('8110000012'), type('')],
        { table, typing: true });
    await several(who, 'learned, a search through all for the last', [type(last), type('')],
        { table, typing: true });
}

/* A catalog that another hub adds: until the table here shows it. */
async function told(who) {
    await who.look('#/config');
    await who.page.locator('input[type=search]').first().fill('news');
    await daemon('h7', 'must', 'catalog', 'remove', 'h7-00').catch(() => undefined);
    const began = performance.now();
    await daemon('h7', 'must', 'catalog', 'add', 'news', '--route-string', 'news.example.com');
    await who.row('news').waitFor();
    console.log(`# told by itself: ${(performance.now() - began).toFixed(0)} ms ` +
        'from the command at another hub to the row here');
    ok(true, 'a catalog of another hub appears without a reload');
}

await play({
    large: async come => {
        const ann = await come('h1');
        ann.metrics = await ann.page.context().newCDPSession(ann.page);
        await ann.metrics.send('Performance.enable', { timeDomain: 'threadTicks' });
        await ann.login();
        await clusters(ann);
        await learned(ann);
        await told(ann);
        const worst = figures.reduce((a, b) => (b.middle > a.middle ? b : a));
        console.log(`# ${figures.map(f =>
            `${f.name} ${f.middle.toFixed(0)} (${f.own.toFixed(0)})`).join('; ')}`);
        console.log(`# slowest median: ${worst.name}, ${worst.middle.toFixed(0)} ms`);
    },
});
