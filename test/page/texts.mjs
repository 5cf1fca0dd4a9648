/* texts: people before pages on which others say as much as they may, and in every script
 * (test_texts.py). */
import { ok, play, same } from './harness.mjs';
import { broken, count, halved, outside, strayed } from './layout.mjs';

const RIGHT = '[\\u0590-\\u08ff]';

async function look(ann, view, seen) {
    for (const more of await ann.page.locator('main details:not([open]) > summary').all())
        await more.click({ timeout: 2000 }).catch(() => undefined);
    const wrong = [];
    for (const f of [outside, strayed, broken, halved]) wrong.push(await ann.page.evaluate(f));
    same(wrong, [[], [], [], []], `${view}: all in its place, and each word whole`);
    for (const kind of Object.keys(seen)) seen[kind] += await ann.page.evaluate(count, kind);
}

async function everywhere(come, name, how, options) {
    const ann = await come(name, options);
    const seen = { [RIGHT]: 0, '^[0-9A-F]{2}:$': 0, '🏯': 0, '--\\w': 0, '(?:\\w{63}\\.){3}': 0 };
    await ann.login();
    await ann.page.locator('main table tbody tr').first().waitFor();
    for (const view of await ann.views()) {
        await ann.look(view);
        await look(ann, `${how}: ${view}`, seen);
    }
    return { ann, seen };
}

async function hub(come, how, options) {
    const { ann, seen } = await everywhere(come, 'tokyo', how, options);
    await ann.turn('network');
    for (const one of ['osaka', 'nara']) {
        await ann.page.locator('main button').filter({ hasText: RegExp(`^${one}-`) }).first()
            .click();
        await ann.settled();
        await look(ann, `${how}: ${one} in the picture`, seen);
        await ann.page.keyboard.press('Escape');
    }
    await ann.turn('config');
    await ann.page.locator('main tbody tr').filter({ hasText: 'osaka-' })
        .getByRole('button').last().click();
    await ann.dialog().waitFor();
    await look(ann, `${how}: a dialog`, seen);
    ok(seen[RIGHT] > 3 && seen['^[0-9A-F]{2}:$'] > 30 && seen['🏯'] > 1 && seen['(?:\\w{63}\\.){3}'] > 5,
        'the control: there was something of each kind', JSON.stringify(seen));
    return ann;
}

/* With commands to type, since it was refused. */
async function refused(come, how, options) {
    const { ann, seen } = await everywhere(come, 'kobe', how, options);
    ok(seen['--\\w'] > 0, 'the control: there were options of commands', JSON.stringify(seen));
    return ann;
}

/* What each check is to find. */
async function controls(come) {
    const ann = await refused(come, 'phone en', PHONE('en-GB'));
    await ann.turn('alarms');
    await ann.page.locator('.command code').first().waitFor();
    await ann.page.evaluate(() => {
        for (const code of document.querySelectorAll('.command code')) {
            Object.assign(code.style, { wordBreak: 'break-all', maxWidth: '7.3em',
                display: 'inline-block' });
            for (const word of code.querySelectorAll('.typed')) word.style.display = 'inline';
        }
    });
    ok((await ann.page.evaluate(broken)).length > 0, 'the control: a broken word is found');
    await ann.page.evaluate(() => {
        const print = document.createElement('code');
        Object.assign(print.style, { display: 'block', width: '4.5em', wordBreak: 'break-all' });
        print.textContent = 'AB:'.repeat(31) + 'AB';
        document.querySelector('main section').append(print);
    });
    ok((await ann.page.evaluate(halved)).length > 0, 'the control: a broken pair is found');
    await ann.page.evaluate(() => {
        document.querySelector('main section').append('\u202eabc', ' \u05d0\u05d1 ');
    });
    same((await ann.page.evaluate(strayed)).length, 2, 'the control: what strays is found');
    await ann.page.evaluate(() => {
        const wide = document.createElement('b');
        wide.textContent = 'x'.repeat(300);
        document.querySelector('main section').append(wide);
    });
    ok((await ann.page.evaluate(outside)).length > 0, 'the control: what is too wide is found');
}

/* Beside a name that runs from right to left the rest stays where it was. */
async function order(come) {
    const ann = await come('tokyo', { locale: 'en-GB' });
    await ann.login();
    await ann.look('#/plan?tab=policy');
    const cell = ann.page.locator('main bdi').filter({ hasText: 'نارا' }).first();
    await cell.waitFor();
    same(await cell.evaluate(e => [e.dir, getComputedStyle(e).direction,
        getComputedStyle(e).unicodeBidi, /U\+2067/.test(e.textContent)]),
    ['auto', 'rtl', 'isolate', true], 'it runs its own way, and what steers is spelled out');
}

const PHONE = locale => ({ locale, viewport: { width: 375, height: 800 } });

await play({
    'wide en': come => hub(come, 'wide en', { locale: 'en-GB' }),
    'phone en': come => hub(come, 'phone en', PHONE('en-GB')),
    'phone ja': come => hub(come, 'phone ja', PHONE('ja-JP')),
    'refused ja': come => refused(come, 'refused, phone ja', PHONE('ja-JP')),
    'controls': controls,
    order,
}, 2);
