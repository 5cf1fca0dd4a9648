/* enter: coming in, a second factor, the keyboard alone, and what one page does seen at another
 * (test_enter.py). tokyo is a hub with the spokes osaka and sapporo, kobe was refused (ILS-201),
 * nara and fukuoka have just been started and have no account. */
import { createHmac } from 'node:crypto';
import jsQR from 'jsqr';
import { daemon, given, ok, play, same } from './harness.mjs';

const PASSWORD = 'correct horse battery';

/* --- coming in */

async function setUp(come) {
    const ann = await come('nara');
    await ann.open();
    await ann.field('Setup code').fill('AAAA-BBBB-CCCC');
    await ann.field('Name').fill('ann');
    await ann.field('Password').fill('short');
    await ann.field('Confirm password').fill('shorter');
    await ann.page.getByText('The two passwords differ.').waitFor();
    ok(await ann.button('Make the account').isDisabled(), 'two passwords that differ: not sent');
    for (const [code, password, name] of [
        ['AAAA-BBBB-CCCC', PASSWORD, 'a wrong setup code is refused'],
        [given.clusters.nara.code, 'short', 'a short password is refused'],
    ]) {
        await ann.field('Setup code').fill(code);
        await ann.field('Password').fill(password);
        await ann.field('Confirm password').fill(password);
        await ann.button('Make the account').click();
        ok(await ann.page.getByRole('alert').textContent(), name);
        await ann.page.reload();
        await ann.field('Name').fill('ann');
    }
    await ann.setUp({ name: 'ann', password: PASSWORD });
    ok(true, 'the setup code makes an account, and is let in');
    await ann.name('nara', 'ils.nara.example.com');
    same((await daemon('nara', 'json', 'status')).cluster_id, 'nara', 'the cluster has its name');
    await ann.row('nara').waitFor();
    await ann.field('Role').waitFor();
    ok(true, 'and its configuration is shown');

    await ann.button('Log out').click();
    await ann.button('Log in').waitFor();
    await ann.field('Name').fill('ann');
    await ann.field('Password').fill('wrong horse battery');
    await ann.page.keyboard.press('Enter');
    ok(await ann.page.getByRole('alert').textContent(), 'a wrong password is refused');
    await ann.field('Password').fill(PASSWORD);
    await ann.page.keyboard.press('Enter');
    await ann.page.locator('nav').waitFor();
    await ann.page.reload();
    await ann.page.locator('nav').waitFor();
    ok(true, 'the right one is let in, and stays after a reload');
}

async function readOnly(come) {
    const ann = await (await come('tokyo')).login();
    await ann.turn('users');
    await ann.field('Name').fill('rob');
    await ann.field('Password').fill('a second long pass phrase');
    await ann.field('Confirm password').fill('a second long pass phrase');
    await ann.button('Save').click();
    await ann.button('Remove: rob').waitFor();
    const rob = await come('tokyo');
    await rob.login({ name: 'rob', password: 'a second long pass phrase' });
    await rob.reads('osaka', 'Up to date');
    same(await rob.page.getByRole('button', { name: /^(Disconnect|Save)/ }).count(), 0,
        'who may only read sees no button that changes anything');
    ok(await rob.page.getByLabel('Role').isDisabled(), 'and can fill in no form');
    ok((await ann.turn('config'), await ann.button('Disconnect: osaka').isVisible()),
        'the control: who may change sees them');
}

/* --- a second factor */

/* A half minute that is another one than `after`, and has 12 s left. */
async function halfMinute(after = 0) {
    while (Math.floor(Date.now() / 30000) === after || Date.now() % 30000 > 18000)
        await new Promise(done => setTimeout(done, 200));
    return Math.floor(Date.now() / 30000);
}

/* What an authenticator shows for the key (base32). */
function code(key) {
    const bits = [...key].map(c => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c));
    const bytes = bits.map(n => n.toString(2).padStart(5, '0')).join('').match(/.{8}/g);
    const counter = Buffer.alloc(8);
    counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000)));
    const secret = Buffer.from(bytes.map(b => parseInt(b, 2)));
    const mac = createHmac('sha1', secret).update(counter).digest();
    const number = mac.readUInt32BE(mac[19] & 15) & 0x7fffffff;
    return String(number % 1000000).padStart(6, '0');
}

/* What a telephone reads of the picture. */
async function read(picture) {
    const [size, path] = await picture.evaluate(
        svg => [svg.viewBox.baseVal.width, svg.querySelector('path').getAttribute('d')],
    );
    const [scale, margin] = [5, 4];
    const side = size * scale;
    const pixels = new Uint8ClampedArray(side * side * 4).fill(255);
    for (const [, x, y] of path.matchAll(/M(\d+) (\d+)h1v1h-1z/g))
        for (let i = 0; i < scale * scale; i += 1) {
            const across = (Number(x) + margin) * scale + (i % scale);
            const down = (Number(y) + margin) * scale + Math.floor(i / scale);
            pixels.fill(0, (down * side + across) * 4, (down * side + across) * 4 + 3);
        }
    return jsQR(pixels, side, side)?.data;
}

/* By its picture and a code of it; the key, and the recovery codes. */
async function setFactorUp(who) {
    await who.button('Set up a second factor').click();
    const picture = who.page.getByRole('img', { name: 'QR code of the key' });
    await picture.waitFor();
    const uri = await read(picture);
    ok(uri && (await who.page.getByText(uri, { exact: true }).count()),
        'the picture of the key is read as the URI beside it', uri);
    const key = new URL(uri).searchParams.get('secret');
    await who.field('Then type the code that it shows').fill('000000');
    await who.button('Confirm').click();
    ok(await who.page.getByRole('alert').textContent(), 'a wrong code is refused');
    const used = await halfMinute();
    await who.field('Then type the code that it shows').fill(code(key));
    await who.button('Confirm').click();
    await who.dialog().waitFor();
    same(await who.findings(), [], 'no serious finding of axe with the recovery codes');
    const recovery = await who.dialog().locator('.codes code').allTextContents();
    await who.button('I have kept them').click();
    await who.dialog().waitFor({ state: 'detached' });
    return { key, recovery, used };
}

async function secondFactor(come) {
    const ann = await (await come('kobe')).login();
    await ann.turn('users');
    const { key, recovery, used } = await setFactorUp(ann);
    same(recovery.length, 8, 'eight recovery codes are shown');
    await ann.page.getByText('Recovery codes left: 8.').waitFor();
    async function comeIn(last) {
        await ann.button('Log out').click();
        await ann.button('Log in').waitFor(); // Accounts has fields of these names too
        await ann.field('Name').fill('ann');
        await ann.field('Password').fill(PASSWORD);
        await ann.page.keyboard.press('Enter');
        const field = ann.field('Code of your authenticator');
        await field.waitFor();
        same(await ann.page.getByRole('alert').count(), 0, 'a code is asked for, with no alarm');
        await field.fill('000000');
        await ann.page.keyboard.press('Enter');
        ok(await ann.page.getByRole('alert').textContent(), 'V6.3.3: not by a wrong code');
        await field.fill(await last());
        await ann.page.keyboard.press('Enter');
        await ann.page.locator('nav').waitFor();
    }
    await comeIn(async () => (await halfMinute(used), code(key)));
    ok(true, 'V6.3.3: with password and code one is in');
    await comeIn(() => recovery[0]);
    await ann.turn('users');
    await ann.page.getByText('Recovery codes left: 7.').waitFor();
    ok(true, 'or with a recovery code, which is gone then');

    await ann.field('A second factor is required of every account').click();
    await ann.page.locator('#required:checked:enabled').waitFor();
    await ann.field('Name').fill('rob');
    await ann.field('Password').fill('a second long pass phrase');
    await ann.field('Confirm password').fill('a second long pass phrase');
    await ann.button('Save').click();
    await ann.button('Remove: rob').waitFor();
    const rob = await come('kobe');
    await rob.open();
    await rob.field('Name').fill('rob');
    await rob.field('Password').fill('a second long pass phrase');
    await rob.page.keyboard.press('Enter');
    await rob.page.getByRole('heading', { name: 'A second factor is required here' }).waitFor();
    same(await rob.page.locator('nav').count(), 0, 'where it is required there is nothing before it');
    await setFactorUp(rob);
    await rob.reads('kobe', 'Not joined');
    ok(true, 'and everything behind it');

    await ann.page.reload();
    await ann.button('Remove the second factor: rob').click();
    await ann.dialog().getByRole('button', { name: 'Remove the second factor' }).click();
    await ann.dialog().waitFor({ state: 'detached' });
    await rob.button('Log in').waitFor();
    ok(true, 'whose second factor is taken away logs in again');
    await ann.field('A second factor is required of every account').click();
    await ann.page.locator('#required:not(:checked):enabled').waitFor();
    await ann.button('Remove: Your second factor').click();
    await ann.dialog().getByRole('button', { name: 'Remove' }).click();
    await ann.button('Set up a second factor').waitFor();
    ok(true, 'and one\'s own is given up again');
}

/* --- the keyboard alone */

async function keyboard(come) {
    const ann = await come('fukuoka');
    const { page } = ann;
    const press = key => page.keyboard.press(key);
    async function type(label, text) {
        await ann.field(label).waitFor();
        ok(await ann.tabTo(ann.field(label)), `Tab leads to ${label}`);
        await page.keyboard.type(text);
    }
    await ann.open();
    await type('Setup code', given.clusters.fukuoka.code);
    await type('Name', 'ann');
    await type('Password', PASSWORD);
    await type('Confirm password', PASSWORD);
    await press('Enter');
    await type('Cluster ID', 'fukuoka');
    await type('Fully qualified domain name', 'ils.fukuoka.example.com');
    await press('Enter');
    await ann.row('fukuoka').waitFor();
    ok(true, 'set up and named by the keyboard');
    ok(await ann.tabTo(ann.button('Log out')), 'Tab leads to Log out');
    await press('Enter');

    await type('Name', 'ann');
    await type('Password', PASSWORD);
    await press('Enter');
    await page.locator('nav').waitFor();
    ok(true, 'logged in by the keyboard');
    const skip = page.getByRole('link', { name: 'Skip to the content' });
    ok(await ann.tabTo(skip), 'Tab leads to the link that skips to the content');
    await press('Enter');
    ok(await page.locator('#content').evaluate(e => e === document.activeElement),
        'which does');
    const link = page.locator('nav a[href="#/alarms"]');
    ok(await ann.tabTo(link), 'Tab leads to another page');
    await press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Alarms' }).waitFor();
    ok(await ann.tabTo(ann.button('日本語')), 'Tab leads to the languages');
    await press('Space');
    await page.getByRole('heading', { level: 1, name: 'アラーム' }).waitFor();
    ok(true, 'the language is switched by the keyboard');
    ok(await ann.tabTo(ann.button('English')), 'Tab leads back to English');
    await press('Space');
    await joinByKeyboard(ann);
}

/* The whole configuration, typed: role, registration server, boxes, password, Save, its preview. */
async function joinByKeyboard(ann) {
    const { page } = ann;
    const press = key => page.keyboard.press(key);
    const { address, port } = given.clusters.tokyo;
    async function at(label) {
        await ann.field(label).waitFor();
        ok(await ann.tabTo(ann.field(label)), `Tab leads to ${label}`);
    }
    async function type(label, text) {
        await at(label);
        await press('Control+a');
        await page.keyboard.type(text);
    }
    async function box(label, on) {
        await at(label);
        if ((await ann.field(label).isChecked()) !== on) await press('Space');
        same(await ann.field(label).isChecked(), on, `Space sets ${label}`);
    }
    ok(await ann.tabTo(page.locator('nav a[href="#/config"]')), 'Tab leads to the configuration');
    await press('Enter');
    await at('Role');
    await page.keyboard.type('Spoke');
    await type('Registration Server', `${address}:${port}`);
    await box('Exchange Global Dial Plan Replication Data with Remote Clusters', true);
    await type('Advertised Route String', 'fukuoka.rs.example.com');
    await type('Synchronize Clusters Every', '7');
    await box('Use TLS Certificates', false);
    await box('Use Password', true);
    await type('Password *', 'one');
    await type('Confirm Password *', 'one');
    const save = page.getByRole('main').getByRole('button', { name: 'Save' });
    ok(await ann.tabTo(save), 'Tab leads to Save');
    await press('Enter');
    await ann.dialog().waitFor();
    ok((await ann.dialog().innerText()).includes('fukuoka.rs.example.com'),
        'Enter shows what it will do');
    same((await daemon('fukuoka', 'json', 'status')).role, 'Standalone', 'and nothing is done yet');
    ok(await ann.tabTo(ann.dialog().getByRole('button', { name: 'Save' }), 20),
        'Tab leads to the Save of the preview');
    await press('Enter');
    await ann.dialog().waitFor({ state: 'detached' });
    await ann.reads('tokyo', 'Up to date');
    const s = await daemon('fukuoka', 'json', 'status');
    same([s.role, (await daemon('fukuoka', 'json', 'sync')).minutes], ['Spoke', 7],
        'the whole configuration is saved, and has joined, by the keyboard alone');
}

async function disconnectByKeyboard(come) {
    const ann = await (await come('tokyo')).login();
    const { page } = ann;
    const press = key => page.keyboard.press(key);
    await ann.reads('sapporo', 'Up to date');
    const button = ann.button('Disconnect: sapporo');
    ok(await ann.tabTo(button), 'Tab leads to Disconnect');
    await press('Enter');
    await ann.dialog().waitFor();
    for (let i = 0; i < 6; i += 1) {
        await press('Tab');
        const inside = await ann.dialog().evaluate(
            d => d.contains(document.activeElement) || document.activeElement === document.body,
        );
        if (!inside) ok(false, 'Tab leaves the dialog');
    }
    await press('Escape');
    await ann.dialog().waitFor({ state: 'detached' });
    ok(await button.evaluate(e => e === document.activeElement),
        'Escape closes the dialog, and the focus is where it was');
    ok(await ann.row('sapporo').filter({ hasText: 'Up to date' }).count(), 'nothing was done');
    await press('Enter');
    ok(await ann.tabTo(ann.dialog().getByRole('button', { name: 'Disconnect' }), 8),
        'Tab leads to the button of the dialog');
    await press('Enter');
    await ann.reads('sapporo', 'Disconnected');
    ok(true, 'disconnected by the keyboard');
    ok(await ann.tabTo(ann.button('Connect: sapporo')), 'Tab leads to Connect');
    await press('Enter');
    ok(await ann.tabTo(ann.dialog().getByRole('button', { name: 'Connect', exact: true }), 8),
        'and to the button of its dialog');
    await press('Enter');
    await ann.reads('sapporo', 'Up to date');
    ok(true, 'connected again by the keyboard');
}

/* --- what one page does is seen at the other */

async function life(come) {
    const [ann, bob] = [await come('tokyo'), await come('osaka')];
    await Promise.all([ann.login(), bob.login()]);
    await Promise.all([ann.reads('osaka', 'Up to date'), bob.reads('tokyo', 'Up to date')]);
    await Promise.all([ann, bob].map(p => p.page.evaluate(() => (window.still = 'here'))));
    await ann.button('Disconnect: osaka').click();
    await ann.dialog().getByText('The link ends').waitFor();
    await ann.dialog().getByRole('button', { name: 'Cancel' }).click();
    await ann.dialog().waitFor({ state: 'detached' });
    same((await daemon('tokyo', 'json', 'clusters')).find(c => c.name === 'osaka').action,
        'Disconnect', 'a question that is cancelled does nothing');
    await ann.button('Disconnect: osaka').click();
    await ann.dialog().getByRole('button', { name: 'Disconnect' }).click();
    await Promise.all([ann.reads('osaka', 'Disconnected'), bob.reads('tokyo', 'Disconnected')]);
    ok(true, 'disconnected: both tables say so');
    await ann.button('Connect: osaka').click();
    await ann.dialog().getByRole('button', { name: 'Connect', exact: true }).click();
    await Promise.all([ann.reads('osaka', 'Up to date'), bob.reads('tokyo', 'Up to date')]);
    ok(true, 'connected: both tables read Up to date');
    bob.gone = true;
    await daemon('osaka', 'kill');
    await ann.reads('osaka', 'Disconnected');
    await bob.page.getByText('ilsd does not answer; trying again').waitFor();
    same(await ann.page.evaluate(() => window.still), 'here',
        'a spoke that is killed is shown by the other, without a reload');
    await daemon('osaka', 'start');
    await ann.reads('osaka', 'Up to date');
    ok(true, 'and is up to date when it is back');
    await bob.button('Log in').waitFor();
    ok(true, 'whose session ended with it is asked to log in');
}

await play({
    'set up': setUp,
    keyboard,
    'read only': readOnly,
    'second factor': secondFactor,
    'disconnect by keyboard': disconnectByKeyboard,
    life,
}, 2);
