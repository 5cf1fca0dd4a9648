/* enter: coming in, the keyboard alone, and what one page does seen at another (test_enter.py). tokyo
 * is a hub with the spokes osaka and sapporo, kobe was refused (ILS-201), nara and fukuoka have
 * just been started and have no account. */
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
    'disconnect by keyboard': disconnectByKeyboard,
    life,
}, 2);
