/* pages: what is asked of every page, at a network that has something for each (test_pages.py). */
import { daemon, given, ok, play, same } from './harness.mjs';
import { english } from './japanese.mjs';

/* --- every page */

async function languages(come, name, seen) {
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

async function accessible(come, colorScheme, locale) {
    const ann = await come('tokyo', { colorScheme, locale });
    await ann.open();
    await ann.page.locator('#name').waitFor();
    same(await ann.findings(), [], `axe, ${colorScheme}: the login`);
    await ann.login();
    await ann.row('osaka').waitFor();
    for (const view of await ann.views()) {
        await ann.look(view);
        same(await ann.findings(), [], `axe, ${colorScheme}: ${view}`);
    }
    await ann.turn('config');
    await ann.row('sapporo').getByRole('button').click();
    await ann.dialog().waitFor();
    same(await ann.findings(), [], `axe, ${colorScheme}: a dialog`);
    await ann.page.evaluate(() => document.querySelector('dialog').append(
        document.createElement('input')));
    ok((await ann.findings()).some(f => f.startsWith('label')),
        'the control: a field without a label is found');
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

await play({
    import: importing,
    'japanese of a hub': come => languages(come, 'tokyo', '最新'),
    'japanese of who was refused': come => languages(come, 'kobe', 'ILS-201'),
    'axe light': come => accessible(come, 'light', 'en-GB'),
    'axe dark': come => accessible(come, 'dark', 'ja-JP'),
    'first load en': come => firstLoad(come, 'en-GB'),
    'first load ja': come => firstLoad(come, 'ja-JP'),
}, 2);
