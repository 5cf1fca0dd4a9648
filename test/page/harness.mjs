/* harness: what the browser tests share: one Chromium, a person per cluster (a context of its
 * own, since cookies do not know ports), TAP on standard output, and a way to ask the daemons'
 * side (scene.py) for something. Nothing sleeps: each step waits for what it is to see. */
import { chromium } from 'playwright-core';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const TIMEOUT = 20000;
const FLAGS = [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync',
];
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/* --- TAP */

let count = 0;
let failed = 0;

export function ok(good, name, ...notes) {
    count += 1;
    if (!good) failed += 1;
    console.log(`${good ? 'ok' : 'not ok'} ${count} - ${name}`);
    const lines = good ? [] : notes.flatMap(note => `${note?.stack ?? note}`.split('\n'));
    for (const line of lines.slice(0, 80)) console.log(`# ${line}`);
    return Boolean(good);
}

export function same(got, wanted, name, ...notes) {
    const [g, w] = [got, wanted].map(v => JSON.stringify(v));
    return ok(g === w, name, `got    ${g}`, `wanted ${w}`, ...notes);
}

/* --- the daemons' side */

const lines = createInterface({ input: process.stdin });
const waiting = new Map();
let began;
const first = new Promise(done => (began = done));
lines.on('line', line => {
    const told = JSON.parse(line);
    if (told.clusters) return began(told);
    const { done, fail } = waiting.get(told.id);
    waiting.delete(told.id);
    return told.error === undefined ? done(told.result) : fail(new Error(told.error));
});
export const given = await first;

let asked = 0;
/* A method of a Cluster of test/system/harness.py. */
export function daemon(cluster, call, ...args) {
    asked += 1;
    const id = asked;
    console.log(`? ${JSON.stringify({ id, cluster, call, args })}`);
    return new Promise((done, fail) => waiting.set(id, { done, fail }));
}

/* --- people */

export class Person {
    constructor(where, page) {
        this.where = where;
        this.page = page;
        this.complaints = [];
        this.gone = false; /* whether the daemon may be gone for a while */
        page.on('pageerror', e => this.complaints.push(e.message));
        page.on('console', said => {
            if (said.type() === 'error' && !this.usual(said.text()))
                this.complaints.push(said.text());
        });
    }

    /* A refusal is an answer; without a daemon there is none. */
    usual(text) {
        return /responded with a status of (4|503)/.test(text) ||
            (this.gone && /net::ERR_/.test(text));
    }

    async open(name = '') {
        await this.page.goto(this.where.url + (name && `#/${name}`));
    }

    /* Another page of the same address: by its link. */
    async turn(name) {
        await this.page.locator(`nav a[href="#/${name}"]`).click();
        await this.page.locator(`nav a[href="#/${name}"][aria-current="page"]`).waitFor();
    }

    /* All pages with all their parts, by what stands behind `#` in their address. */
    async views() {
        const hashes = where => this.page.locator(where).evaluateAll(all => all.map(a => a.hash));
        const found = [];
        for (const page of await hashes('.nav a')) {
            await this.look(page);
            const parts = await hashes('main nav a');
            found.push(...(parts.length ? parts : [page]));
        }
        return found;
    }

    async look(hash) {
        await this.page.locator(`a[href="${hash.split('?')[0]}"]`).first().click();
        if (hash.includes('?')) await this.page.locator(`main nav a[href="${hash}"]`).click();
        await this.page.locator(`a[href="${hash}"][aria-current="page"]`).first().waitFor();
        await this.settled();
    }

    /* Nothing of the page is still asked for. */
    async settled() {
        await this.page.waitForFunction(() => !document.querySelector('.working'));
    }

    async login(account = this.where.account) {
        await this.open();
        await this.page.locator('#name').fill(account.name);
        await this.page.locator('#password').fill(account.password);
        await this.page.keyboard.press('Enter');
        await this.page.locator('nav').waitFor();
        return this;
    }

    async setUp(account) {
        await this.open();
        await this.field('Setup code').fill(this.where.code);
        await this.field('Name').fill(account.name);
        await this.field('Password').fill(account.password);
        await this.field('Confirm password').fill(account.password);
        await this.button('Make the account').click();
        await this.page.locator('nav').waitFor();
    }

    async name(id = this.where.name, fqdn = this.where.fqdn) {
        await this.field('Cluster ID').fill(id);
        await this.field('Fully qualified domain name').fill(fqdn);
        await this.button('Save').click();
        await this.page.locator('.whose', { hasText: fqdn }).waitFor();
    }

    async check(label, on) {
        await this.field(label).setChecked(on);
    }

    /* What Save says it would do, and then that it is done. boxes: {label: on} */
    async configure({ role, server, boxes = {}, password, preview }) {
        await this.turn('config');
        await this.field('Role').waitFor();
        if (role) await this.field('Role').selectOption({ label: role });
        if (server) await this.field('Registration Server').fill(server);
        for (const [label, on] of Object.entries(boxes)) await this.check(label, on);
        if (password) {
            await this.field('Password *').fill(password);
            await this.field('Confirm Password *').fill(password);
        }
        await this.page.getByRole('main').getByRole('button', { name: 'Save' }).click();
        await this.dialog().waitFor();
        await preview?.(this.dialog());
        await this.dialog().getByRole('button', { name: 'Save' }).click();
        await this.dialog().waitFor({ state: 'detached' });
        await this.page.getByRole('status').filter({ hasText: 'Saved.' }).waitFor();
    }

    async tab(page, tab) {
        await this.turn(page);
        await this.page.locator(`main nav a[href="#/${page}?tab=${tab}"]`).click();
    }

    /* A certificate with its key, from files, used at once. */
    async install({ file, key }) {
        await this.tab('certificates', 'own');
        await this.page.locator('#cert-file').setInputFiles(file);
        await this.page.locator('#key-file').setInputFiles(key);
        await this.page.locator('#cert-now').check();
        await this.button('Install').click();
        await this.page.locator('.notice[role]').first().waitFor();
    }

    /* Its own certificate, as a file. */
    async saveCertificate() {
        await this.tab('certificates', 'own');
        const coming = this.page.waitForEvent('download');
        await this.page.getByRole('button', { name: /^Save as a file/ }).first().click();
        return (await coming).path();
    }

    async trust(file) {
        await this.tab('certificates', 'trust');
        await this.page.locator('#trust-file').setInputFiles(file);
        await this.button('Import').click();
        await this.page.locator('.notice[role="status"]').first().waitFor();
    }

    field(label) {
        return this.page.getByLabel(label, { exact: true });
    }

    button(name) {
        return this.page.getByRole('button', { name, exact: true });
    }

    section(title) {
        return this.page.getByRole('region', { name: title, exact: true });
    }

    dialog() {
        return this.page.getByRole('dialog');
    }

    /* The row of a cluster in the table of the clusters. */
    row(name) {
        return this.page
            .locator('table')
            .filter({ hasText: /Disconnect|切断|USN/ })
            .locator('tbody tr')
            .filter({ has: this.page.locator(`strong:text-is("${name}")`) });
    }

    /* Its row says so, sooner or later. */
    async reads(name, text) {
        await this.row(name).filter({ hasText: text }).first().waitFor();
    }

    async said() {
        return (await this.page.locator('body').innerText().catch(() => '')).slice(0, 3000);
    }

    /* Tab until what is wanted has the focus; false when it was not to be reached. */
    async tabTo(locator, max = 120) {
        for (let i = 0; i < max; i += 1) {
            if (await locator.evaluate(e => e === document.activeElement).catch(() => false))
                return true;
            await this.page.keyboard.press('Tab');
        }
        return false;
    }

    /* Serious and critical findings of axe. */
    async findings() {
        await this.page.evaluate(AXE);
        const found = await this.page.evaluate(() => globalThis.axe.run(document, {
            resultTypes: ['violations'],
        }));
        return found.violations
            .filter(v => v.impact === 'serious' || v.impact === 'critical')
            .map(v => `${v.id}: ${v.help}\n${v.nodes.map(n => n.html).join('\n')}`);
    }

    done() {
        same(this.complaints, [], `${this.where.name}: the browser complains of nothing`);
    }
}

let browser;

/* options: those of a browser context (locale, colorScheme, viewport). */
export async function person(name, options = {}) {
    browser ??= await chromium.launch({ executablePath: given.chromium, args: FLAGS });
    const context = await browser.newContext({
        acceptDownloads: true,
        ignoreHTTPSErrors: true,
        locale: 'en-GB',
        viewport: { width: 1280, height: 900 },
        ...options,
    });
    context.setDefaultTimeout(TIMEOUT);
    return new Person(given.clusters[name], await context.newPage());
}

/* scenes: {name: function of nothing}; side by side, `most` at a time. A scene that ends by an
 * exception is a failure, with what its people saw. */
export async function play(scenes, most = 1) {
    const wanted = process.argv.slice(2);
    const left = Object.entries(scenes).filter(
        ([name]) => !wanted.length || wanted.some(w => name.startsWith(w)),
    );
    async function worker() {
        for (let next = left.shift(); next; next = left.shift()) {
            const [name, scene] = next;
            const people = [];
            const come = async (...args) => {
                people.push(await person(...args));
                return people.at(-1);
            };
            try {
                await scene(come);
                for (const p of people) p.done();
            } catch (e) {
                const seen = [];
                for (const p of people) seen.push(`--- ${p.where.name}`, await p.said());
                ok(false, `${name} ended by an exception`, e, ...seen);
            }
            for (const p of people) await p.page.context().close();
        }
    }
    await Promise.all(Array.from({ length: most }, worker));
    await browser?.close();
    console.log(`1..${count}`);
    process.exit(failed ? 1 : 0);
}
