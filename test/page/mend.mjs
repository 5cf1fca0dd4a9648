/* mend: people at clusters that somebody must decide about, and what comes of their decision
 * (test_mend.py). */
import { daemon, ok, play, same } from './harness.mjs';

async function plan(name) {
    const { entries } = await daemon(name, 'json', 'plan', 'show');
    return entries.map(e => e.key).sort();
}

/* Asked once, given up, asked again and done. */
async function decide(person, label) {
    await person.button(label).click();
    await person.dialog().getByRole('button', { name: 'Cancel' }).click();
    await person.dialog().waitFor({ state: 'detached' });
    await person.button(label).click();
    same(await person.findings(), [], `${label}: no serious finding of axe in its dialog`);
    await person.dialog().getByRole('button', { name: label, exact: true }).click();
    await person.dialog().waitFor({ state: 'detached' });
}

/* Yesterday's plan with 3002 is here, the hub has today's with 2002 and 2003. */
async function older(come, name, label, wanted) {
    const ann = await (await come(name)).login();
    await ann.turn('network');
    const notice = ann.page.locator('.notice', { hasText: 'no: the neighbours hold a newer plan' });
    await notice.first().waitFor();
    same(await plan(name), ['1002', '3002'], `${name}: the control: before it is decided`);
    await decide(ann, label);
    await notice.first().waitFor({ state: 'detached' });
    await ann.page.locator('dt:text-is("Writes") + dd:text-is("yes")').waitFor();
    same(await plan(name), wanted, `${name}: ${label}: it has the plan that was chosen`);
    await daemon(name, 'must', 'plan', 'add', 'ENTERPRISE', '5002');
    ok(true, `${name}: and writes again`);
}

async function adopt(come) {
    const [ann, bob] = [await come('kobe'), await come('tokyo')];
    await Promise.all([ann.login(), bob.login()]);
    await ann.page.getByText(/^ILS-408 · /).first().waitFor();
    const ids = () => Promise.all(['kobe', 'tokyo'].map(
        async name => (await daemon(name, 'json', 'network')).network_id));
    const [mine, theirs] = await ids();
    ok(mine !== theirs, 'the control: they are in two networks', mine, theirs);
    await ann.turn('network');
    await decide(ann, 'Adopt another network');
    await Promise.all([ann.turn('config'), bob.turn('config')]);
    await ann.button('Try again now').click({ timeout: 5000 }).catch(() => undefined);
    await Promise.all([ann.reads('tokyo', 'Up to date'), bob.reads('kobe', 'Up to date')]);
    same(await ids(), [theirs, theirs], 'adopted on the page, both are in one network');
}

await play({
    rebuild: come => older(come, 'osaka', 'Take what the others hold',
        ['1002', '2002', '2003']),
    restore: come => older(come, 'sapporo', 'Keep what is here', ['1002', '3002']),
    adopt,
}, 2);
