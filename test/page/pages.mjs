/* pages: what is asked of every page, at a network that has something for each (test_pages.py). */
import { daemon, given, ok, play, same } from './harness.mjs';
import { english } from './japanese.mjs';
import { broken, outside } from './layout.mjs';

/* --- every page */

async function languages(come, name, seen, own) {
    const ann = await come(name, { locale: 'ja-JP' });
    await ann.open();
    same(await ann.page.evaluate(() => document.documentElement.lang), 'ja',
        'a browser that wants Japanese gets it');
    same(await english(ann.page), [], 'the login in Japanese');
    await ann.login();
    await ann.row(name).waitFor();
    await ann.page.getByText(seen).first().waitFor();
    const table = await ann.row(name).innerText();
    ok(!/Hub|Spoke|Standalone/.test(table), 'the roles in Japanese', table);
    ok(table.includes(own), `its own row: ${own}`, table);
    for (const view of await ann.views()) {
        await ann.look(view);
        same(await english(ann.page), [], `${view}: no English sentence is left`);
    }
    await ann.turn('config');
    await ann.button('English').click();
    await ann.page.getByRole('heading', { level: 1, name: 'ILS Configuration' }).waitFor();
    const all = await english(ann.page);
    ok(all.length >= 3, 'the control: in English there are some', ...all);
    await ann.page.reload();
    await ann.page.getByRole('heading', { level: 1, name: 'ILS Configuration' }).waitFor();
    ok(true, 'the language that was chosen is kept');
    await ann.button('日本語').click();
    await ann.page.getByRole('heading', { level: 1, name: 'ILS 設定' }).waitFor();
    same(await english(ann.page), [], 'and back');
}

/* The dialogs that this view can open, one of each kind: what is behind a button that says that it
 * opens one, whatever row it stands in. Each is looked at and given up. */
async function dialogs(ann, view, how) {
    const buttons = ann.page.locator('main button[aria-haspopup="dialog"]:enabled');
    const labels = await buttons.evaluateAll(all =>
        all.filter(b => b.checkVisibility()).map(b => b.innerText));
    let seen = 0;
    for (const label of new Set(labels)) {
        await buttons.filter({ visible: true }).filter({ hasText: label }).first().click();
        await ann.dialog().waitFor();
        await ann.settled();
        same(await ann.findings(), [], `axe, ${how}: ${view}: ${label}`);
        await ann.page.keyboard.press('Escape');
        await ann.dialog().waitFor({ state: 'detached' });
        seen += 1;
    }
    return seen;
}

/* The preview of a form that is sent: that of the configuration. */
async function preview(ann, how) {
    await ann.turn('config');
    await ann.page.locator('#every').fill('9');
    await ann.page.locator('main form button[type="submit"]').click();
    await ann.dialog().waitFor();
    same(await ann.findings(), [], `axe, ${how}: the preview of Save`);
    await ann.page.keyboard.press('Escape');
    await ann.dialog().waitFor({ state: 'detached' });
}

async function accessible(come, colorScheme, locale) {
    const how = `${colorScheme} ${locale.slice(0, 2)}`;
    const ann = await come('tokyo', { colorScheme, locale });
    await ann.open();
    await ann.page.locator('#name').waitFor();
    same(await ann.findings(), [], `axe, ${how}: the login`);
    await ann.login();
    await ann.row('osaka').waitFor();
    let seen = 0;
    for (const view of await ann.views()) {
        await ann.look(view);
        same(await ann.findings(), [], `axe, ${how}: ${view}`);
        seen += await dialogs(ann, view, how);
    }
    ok(seen >= 12, `the control: ${seen} dialogs were looked at`);
    await preview(ann, how);
    await ann.turn('config');
    await ann.row('sapporo').getByRole('button').click();
    await ann.dialog().waitFor();
    await ann.page.evaluate(() => document.querySelector('dialog').append(
        document.createElement('input')));
    ok((await ann.findings()).some(f => f.startsWith('label')),
        'the control: a field without a label is found');
}

/* On a telephone. */
async function narrow(come, locale) {
    const ann = await come('tokyo', { locale, viewport: { width: 375, height: 800 } });
    await ann.login();
    await ann.row('osaka').waitFor();
    for (const view of await ann.views()) {
        await ann.look(view);
        for (const more of await ann.page.locator('main details:not([open]) > summary').all())
            await more.click({ timeout: 2000 }).catch(() => undefined);
        same([await ann.page.evaluate(outside), await ann.page.evaluate(broken)], [[], []],
            `${locale}: ${view}: all is on the screen, and no word of a command is broken`);
    }
    await ann.page.evaluate(() => {
        document.querySelector('main section input').style.minWidth = '400px';
    });
    ok((await ann.page.evaluate(outside)).length > 0,
        'the control: a field that is too wide is found');
}

/* --- another password, and the former one dropped */

async function rotation(come) {
    const ann = await come('kobe');
    const held = async () => (await daemon('kobe', 'json', 'password', 'list'))
        .map(one => `${one.generation}${one.preferred ? ' dials' : ''}`);
    await ann.login();
    await ann.turn('config');
    const title = ann.page.getByRole('heading', { name: 'Passwords held' });
    await ann.page.locator('#generation').waitFor({ state: 'attached' });
    same(await title.count(), 0, 'where one password is held there is nothing to choose');
    await ann.page.locator('main details > summary').filter({ hasText: 'More' }).click();
    await ann.page.locator('#generation').fill('2');
    for (const id of ['#secret', '#again']) await ann.page.locator(id).fill('plum blossom 48');
    await ann.page.locator('main form button[type="submit"]').click();
    await ann.dialog().getByRole('button', { name: 'Save' }).click();
    await title.waitFor();
    same(await held(), ['1 dials', '2'], 'the second one is held beside the first');
    for (const [button, rows] of [['Dial with it: 2', ['1', '2 dials']], ['Drop: 1', ['2 dials']]]) {
        await ann.button(button).click();
        await ann.dialog().getByRole('button').last().click();
        await ann.dialog().waitFor({ state: 'detached' });
        same(await held(), rows, button);
    }
    await title.waitFor({ state: 'detached' });
}

/* --- how much it is */

async function firstLoad(come, locale) {
    const ann = await come('tokyo', { locale });
    const network = await ann.page.context().newCDPSession(ann.page);
    await network.send('Network.enable');
    const sizes = new Map();
    network.on('Network.requestWillBeSent', e =>
        sizes.set(e.requestId, { url: new URL(e.request.url).pathname, bytes: 0 }));
    network.on('Network.loadingFinished', e => {
        if (sizes.has(e.requestId)) sizes.get(e.requestId).bytes = e.encodedDataLength;
    });
    await ann.login();
    await ann.row('osaka').waitFor();
    await ann.page.locator('.pulse.on').waitFor();
    const all = [...sizes.values()].filter(s => !s.url.endsWith('/events'));
    const sum = all.reduce((n, s) => n + s.bytes, 0);
    for (const s of all) console.log(`# ${locale}: ${s.bytes} bytes: ${s.url}`);
    ok(sum > 10000 && sum <= 150 * 1024,
        `first load in ${locale}, login and first page: ${sum} bytes, of 153600`);
    ok(all.every(s => s.url.startsWith('/')) &&
        [...sizes.keys()].length >= 5, 'and all of it from this ilsd', JSON.stringify(all));
}

/* --- an import with wrong rows */

async function importing(come) {
    const [ann, bob] = [await come('tokyo'), await come('sapporo')];
    await Promise.all([ann.login(), bob.login()]);
    await bob.tab('plan', 'import');
    await bob.field('Source').fill('new');
    await bob.page.locator('#plan-import-file').setInputFiles(given.wrong);
    await bob.button('Preview').click();
    const alert = bob.page.getByRole('alert');
    await alert.locator('tbody tr').nth(1).waitFor();
    const rows = await alert.locator('tbody tr').evaluateAll(all =>
        all.map(row => [...row.cells].slice(0, 2).map(cell => cell.innerText)));
    same(rows, [['3', 'PatternType'], ['5', 'PatternType']], 'the wrong rows, by line and column',
        await alert.innerText());
    ok((await alert.innerText()).includes('WIDGET'), 'and what is wrong with them');
    const before = (await daemon('sapporo', 'json', 'status')).own_entries;
    await bob.page.locator('#plan-import-file').setInputFiles(given.right);
    await alert.waitFor({ state: 'detached' });
    await bob.button('Preview').click();
    await bob.page.getByRole('heading', { name: 'What it would do' }).waitFor();
    same((await daemon('sapporo', 'json', 'status')).own_entries, before,
        'wrong rows and previews import nothing');
    await bob.page.getByRole('main').getByRole('button', { name: 'Import', exact: true }).click();
    await bob.page.getByRole('status').filter({ hasText: /\d/ }).first().waitFor();
    await ann.tab('plan', 'learned');
    await ann.field('Search').fill('+81661110002');
    await ann.page.getByRole('cell', { name: '+81661110002', exact: true }).waitFor();
    ok(true, 'the right file is imported, and the hub has learned of it');
    same((await daemon('sapporo', 'json', 'status')).own_entries, before + 3, 'all its rows');
}

/* --- the trace, filtered where it is written */

async function trace(come) {
    const ann = await (await come('tokyo')).login();
    await ann.turn('trace');
    const count = async () => (await ann.page.getByText(/^\d+ of \d+ lines$/).innerText())
        .match(/\d+/g).map(Number);
    const roll = ann.page.getByRole('group', { name: 'Lines' }).locator('.trace-line');
    await roll.nth(9).waitFor();
    const all = (await count())[1];
    const asked = ann.page.waitForRequest(r => /trace\/follow\?.*text=ILS-201/.test(r.url()));
    await ann.field('Code').fill('ILS-201');
    await asked;
    await ann.page.waitForFunction(() => [...document.querySelectorAll('.trace-line')]
        .every(line => line.textContent.includes('ILS-201')) &&
        document.querySelector('.trace-line'));
    await ann.settled();
    const [shown, told] = await count();
    ok(shown > 0 && shown === told && told < all,
        'the trace: ilsd gives the lines that are wanted, and no others', shown, told, all);
    await ann.field('Code').fill('');
    await roll.nth(9).waitFor();
    ok(true, 'the control: without a filter there are more');
}

await play({
    import: importing,
    trace,
    'japanese of a hub': come => languages(come, 'tokyo', '最新', '最新'),
    'japanese of who was refused': come => languages(come, 'kobe', 'ILS-201', '未参加'),
    'axe light en': come => accessible(come, 'light', 'en-GB'),
    'axe light ja': come => accessible(come, 'light', 'ja-JP'),
    'axe dark en': come => accessible(come, 'dark', 'en-GB'),
    'axe dark ja': come => accessible(come, 'dark', 'ja-JP'),
    rotation,
    'narrow en': come => narrow(come, 'en-GB'),
    'narrow ja': come => narrow(come, 'ja-JP'),
    'first load en': come => firstLoad(come, 'en-GB'),
    'first load ja': come => firstLoad(come, 'ja-JP'),
}, 2);
