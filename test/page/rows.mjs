/* rows: attempts to join that fail, and how people at both ends see why and mend it
 * (test_rows.py). C dials, S is dialled. */
import { daemon, given, ok, play, same } from './harness.mjs';

/* What C's boxes say, what comes of it, at which end it is mended, and how. */
const TLS = { 'Use TLS Certificates': true, 'Use Password': false };
const PASSWORD = { 'Use TLS Certificates': false, 'Use Password': true };
const BOTH = { 'Use TLS Certificates': true, 'Use Password': true };
const ROWS = {
    A2: { boxes: PASSWORD, code: 'ILS-201', at: 'C' },
    B2: { boxes: TLS, code: 'ILS-301', at: 'C' },
    B3: { boxes: TLS, code: 'ILS-307', at: 'S' },
    C2: { boxes: BOTH, code: 'ILS-301', at: 'S' },
    C3: { boxes: BOTH, code: 'ILS-301', at: 'C' },
    D2: { boxes: TLS, code: 'ILS-301', at: 'C', met: true },
    D3: { boxes: TLS, code: 'ILS-301', at: 'S', met: true },
};

/* The notice of an attempt that ended by this code, on the page of the configuration. */
function notice(person, code) {
    return person.section('Attempts to join').locator('.notice', { hasText: `${code} · ` }).first();
}

async function shown(name, person, code, end, at) {
    const it = notice(person, code);
    await it.waitFor();
    const v = (await daemon(person.where.name, 'json', 'verdicts')).find(w => w.code === code);
    const text = await it.innerText();
    ok(text.includes(`${code} · ${v.cause}`) && v.cause, `${name}: ${end} shows code and cause`,
        text, JSON.stringify(v));
    same(await it.locator('.command code').first().innerText(), v.remedy,
        `${name}: ${end} shows the remedy`);
    ok(text.includes(at === end ? 'type here' : 'type at the other end'),
        `${name}: and ${end} says that it is done at ${at}`, text);
    return v;
}

async function follow(person, code, secret) {
    await notice(person, code).getByRole('link', { name: 'Do it on this page' }).click();
    if (code === 'ILS-201') {
        await person.field('Password *').fill(secret);
        await person.field('Confirm Password *').fill(secret);
        await person.page.getByRole('main').getByRole('button', { name: 'Save' }).click();
        await person.dialog().getByRole('button', { name: 'Save' }).click();
    } else {
        await person.dialog().getByRole('button', { name: 'Import' }).click();
    }
    await person.dialog().waitFor({ state: 'detached' });
}

/* The control of what follows: until the remedy is followed, nothing of what it waits for is there.
 * (Whoever tries again without it is told to wait after a while, ILS-410.) */
async function unmended(name, c, s) {
    for (const [p, other] of [[c, s], [s, c]]) {
        const [last] = await daemon(p.where.name, 'json', 'verdicts');
        const joined = ROWS[name].met ? 0
            : await p.row(other.where.name).filter({ hasText: 'Up to date' }).count() +
                await notice(p, 'ILS-100').count();
        same([last.code, joined], [ROWS[name].code, 0],
            `${name}: the control: before the remedy ${p.where.name} has not joined`);
    }
}

async function row(come, name) {
    const { boxes, code, at, met } = ROWS[name];
    const [c, s] = [await come(`${name}-C`), await come(`${name}-S`)];
    await Promise.all([c.login(), s.login()]);
    if (met) await c.reads(s.where.name, 'Up to date');
    await c.configure(met ? { boxes } : {
        boxes,
        role: 'Spoke Cluster',
        server: `${s.where.address}:${name === 'A2' ? s.where.port : s.where.tlsPort}`,
    });
    const [v, w] = await Promise.all([shown(name, c, code, 'C', at), shown(name, s, code, 'S', at)]);
    same(v.verdict_id, w.verdict_id, `${name}: both speak of the same attempt`);
    await unmended(name, c, s);
    await follow(at === 'C' ? c : s, code, 'another password');
    await c.turn('config');
    /* It dials again by itself, sooner or later; whoever is asked to may be sooner. */
    const again = c.button('Try again now').click({ timeout: 5000 }).catch(() => undefined);
    await Promise.all([again, notice(c, 'ILS-100').waitFor(), c.reads(s.where.name, 'Up to date'),
        s.turn('config').then(() => s.reads(c.where.name, 'Up to date'))]);
    const [last] = await daemon(c.where.name, 'json', 'verdicts');
    same([last.code, last.method.split('+').includes('tls')], ['ILS-100', name !== 'A2'],
        `${name}: who follows the remedy on the page joins`);
}

await play(Object.fromEntries(given.rows.map(name => [name, come => row(come, name)])), 2);
