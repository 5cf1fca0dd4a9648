/* attacks: a browser whose user is logged in at tokyo, and others who would like to use that
 * (test_attacks.py). osaka, nara and kobe say markup wherever they may say anything; a page of
 * another place asks in the user's name; another name points here. Each absence stands beside a
 * control, in which the same attack succeeds at a page that does not defend itself. */
import { chromium } from 'playwright-core';
import { createServer } from 'node:http';
import { daemon, given, ok, play, same } from './harness.mjs';

const { texts } = given;
const tokyo = given.clusters.tokyo;
const here = new URL(tokyo.url);

/* --- the other place, and a page without any defence */

const visits = [];
const files = {
    '/data': ['application/json', '{"secret":"read"}'],
    '/script': ['text/javascript', 'window.loaded = true;'],
    '/icon': ['image/svg+xml', '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'],
};
const bad = createServer((request, response) => {
    let body = '';
    request.on('data', piece => (body += piece));
    request.on('end', () => {
        const path = new URL(request.url, 'http://any').pathname;
        visits.push({ method: request.method, path, body, host: request.headers.host });
        const [kind, text] = files[path] ?? ['text/html', '<!doctype html><title>bad</title>'];
        response.setHeader('Content-Type', kind);
        if (path === '/data') response.setHeader('Access-Control-Allow-Origin', '*');
        response.end(text);
    });
});
await new Promise(done => bad.listen(0, '127.0.0.1', done));
const port = bad.address().port;
const weak = `http://127.0.0.1:${port}`; /* who does not defend himself */
const evil = `http://localhost:${port}`; /* another site */

async function settled(who, ms = 400) {
    await who.page.waitForTimeout(ms);
}

/* Everything that would have run, and every element that markup would have made. */
function traces(page) {
    return page.evaluate(() => ({
        ran: window.hits ?? [],
        made: document.querySelectorAll('.evil, [onerror], [onload], b').length,
        links: [...document.querySelectorAll('a[href]')]
            .map(a => a.getAttribute('href'))
            .filter(h => !/^[#/]/.test(h) && !h.startsWith('blob:')),
    }));
}

async function listen(page) {
    await page.addInitScript(() => {
        window.hits = [];
        window.hit = n => window.hits.push(n);
    });
}

/* --- what other clusters say */

/* All that can be opened without changing anything. */
async function openAll(who) {
    for (const summary of await who.page.locator('main details:not([open]) > summary').all())
        await summary.click({ timeout: 2000 }).catch(() => undefined);
}

/* Where a text of theirs is to be seen. */
const places = {
    '#/certificates?tab=trust': [texts.subject], '#/plan?tab=learned': [texts.user],
    '#/plan?tab=catalogs': [texts.vector], '#/plan?tab=policy': [texts.vector],
};

async function inert(come) {
    const ann = await come('tokyo');
    const { page } = ann;
    const asked = new Set();
    await listen(page);
    page.on('request', r => asked.add(new URL(r.url()).origin));
    async function look(name) {
        await ann.settled();
        for (const text of places[name] ?? []) {
            await page.getByText(text, { exact: false }).first().waitFor();
            ok(true, `V1.1.2: ${name}: text with markup is there as text`);
        }
        await openAll(ann);
        same(await traces(page), { ran: [], made: 0, links: [] },
            `V3.2.2: ${name}: nothing runs, and no element is made of what others say`);
    }
    await ann.login();
    await ann.row('osaka').waitFor();
    for (const name of await page.locator('nav.nav a').evaluateAll(all =>
        all.map(a => a.hash.slice(2)))) {
        await ann.turn(name);
        await look(`#/${name}`);
        for (const href of await page.locator('nav.tabs a').evaluateAll(all =>
            all.map(a => a.getAttribute('href')))) {
            await page.locator(`nav.tabs a[href="${href}"]`).click();
            await look(href);
        }
    }
    await ann.turn('network');
    for (const [name, text] of [['osaka', texts.image], ['nara', texts.vector]]) {
        const button = page.locator('main button').filter({ hasText: RegExp(`^${name}$`) });
        await button.first().click();
        await page.getByText(text, { exact: false }).first().waitFor();
        ok(true, `V3.2.2: the description of ${name} is there as text`);
        await look(`#/network ${name}`);
        await page.keyboard.press('Escape');
    }
    same([...asked].filter(o => o !== here.origin), [],
        'V14.2.3: nothing is asked of another place');
    same(await page.evaluate(() => ({}).polluted), undefined,
        'V15.3.6: and no object has what it should not');
}

/* Addresses and stored files are input, too. */
async function addresses(come) {
    const ann = await come('tokyo');
    await listen(ann.page);
    await ann.login();
    for (const hash of [
        `#/${encodeURIComponent(texts.image)}`, '#/trace?text=' + encodeURIComponent(texts.vector),
        '#/plan?search=' + encodeURIComponent(texts.image), '#/javascript:hit(7)',
        '#/trace?__proto__[polluted]=1&constructor.prototype.polluted=1', '#/__proto__',
        '#/constructor', '#/toString',
    ]) {
        await ann.page.goto(tokyo.url + hash);
        await ann.page.reload();
        await ann.page.locator('nav.nav').waitFor();
        await settled(ann, 150);
        same([await traces(ann.page), await ann.page.evaluate(() => ({}).polluted ?? null)],
            [{ ran: [], made: 0, links: [] }, null],
            `V1.2.2: nothing runs by ${hash.slice(0, 40)}`);
    }
    await ann.page.goto(tokyo.url + '#/doctor');
    await ann.page.locator('main').waitFor();
    const file = ann.page.locator('main input[type=file]').first();
    if (await file.count()) {
        await file.setInputFiles({ name: texts.image + '.txt', mimeType: 'text/html',
            buffer: Buffer.from(texts.trace) });
        await settled(ann, 800);
        same(await traces(ann.page), { ran: [], made: 0, links: [] },
            'V3.2.2: a trace file with markup is read as text');
    }
}

/* The same strings in a page that takes them for markup. */
async function control(come) {
    const ann = await come('tokyo');
    await listen(ann.page);
    await ann.page.goto(evil);
    await ann.page.evaluate(all => {
        document.body.innerHTML = all.join('<p>');
    }, [texts.image, texts.vector, texts.uri]);
    await settled(ann, 800);
    const seen = await traces(ann.page);
    ok(seen.ran.length > 0 && seen.made > 2,
        'V3.2.2: the control: in a page that makes HTML of it, it runs', JSON.stringify(seen));
}

/* A mistake in our own script would find these walls. */
async function walls(come) {
    const ann = await come('tokyo');
    await listen(ann.page);
    await ann.login();
    const said = await ann.page.evaluate(([image, link]) => {
        const tried = { base: '' };
        const attempt = (name, what) => {
            try {
                what();
                tried[name] = 'done';
            } catch (e) {
                tried[name] = e.constructor.name;
            }
        };
        attempt('innerHTML', () => (document.createElement('p').innerHTML = image));
        attempt('write', () => document.write(image));
        attempt('timer', () => setTimeout('hit(8)', 0));
        attempt('script', () => (document.createElement('script').text = 'hit(9)'));
        attempt('policy', () => globalThis.trustedTypes.createPolicy('mine', {}));
        const image2 = document.createElement('img');
        const anchor = document.createElement('a');
        attempt('handler', () => image2.setAttribute('onerror', 'hit(10)'));
        image2.src = '/nothing.png';
        anchor.href = link;
        document.body.append(image2, anchor);
        anchor.click();
        const base = document.createElement('base');
        base.href = 'http://localhost/';
        document.head.append(base);
        tried.base = document.baseURI.startsWith(location.origin) ? 'ours' : document.baseURI;
        const object = document.createElement('object');
        attempt('object', () => (object.data = '/assets/icon.svg'));
        document.body.append(object);
        return tried;
    }, [texts.image, texts.link]);
    const fetched = await ann.page.evaluate(async url => {
        try {
            await fetch(url, { mode: 'no-cors' });
            return 'sent';
        } catch {
            return 'blocked';
        }
    }, `${evil}/leak`);
    await settled(ann, 600);
    same([said.innerHTML, said.write, said.script, said.object], Array(4).fill('TypeError'),
        'V3.4.3: no HTML and no script is made of text', JSON.stringify(said));
    ok(said.timer !== 'done' && said.policy !== 'done',
        'V1.3.2: no text is run, and no policy lets it', JSON.stringify(said));
    same(said.base, 'ours', 'V3.4.3: no base of another place');
    same(await ann.page.evaluate(() => window.hits), [], 'V3.4.3: and none of it ran');
    same([fetched, visits.filter(v => v.path === '/leak').length], ['blocked', 0],
        'V14.2.3: nothing is sent elsewhere');
    ann.complaints.length = 0; /* they are of what was tried here */
}

/* --- pages of another place */

/* What a page of another place can send; its own answers are what it reads. */
function attack(target) {
    const read = {};
    const want = (name, promise) =>
        promise.then(v => (read[name] = v), () => (read[name] = 'nothing'));
    const form = (type, name, value) => {
        const f = document.createElement('form');
        const frame = document.createElement('iframe');
        frame.name = 'f' + Math.random();
        Object.assign(f, { method: 'POST', action: target.change, target: frame.name,
            enctype: type });
        const input = document.createElement('input');
        Object.assign(input, { name, value });
        f.append(input);
        document.body.append(frame, f);
        f.submit();
    };
    const json = '{"description":"taken"}';
    form('text/plain', '{"description":"taken","x":"', '"}');
    form('application/x-www-form-urlencoded', 'description', 'taken');
    form('multipart/form-data', 'description', 'taken');
    const text = r => r.text();
    return Promise.all([
        want('simple', fetch(target.change, { method: 'POST', body: json, mode: 'no-cors',
            credentials: 'include' }).then(text)),
        want('beacon', Promise.resolve(String(navigator.sendBeacon(target.change, json)))),
        want('json', fetch(target.change, { method: 'POST', body: json, credentials: 'include',
            headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': 'x' } }).then(text)),
        want('put', fetch(target.change, { method: 'PUT', body: json }).then(text)),
        want('read', fetch(target.read).then(text)),
        want('readAs', fetch(target.read, { credentials: 'include' }).then(text)),
        want('image', new Promise((done, fail) => {
            const i = new Image();
            i.onload = () => done('loaded');
            i.onerror = fail;
            i.src = target.image;
        })),
        want('script', new Promise((done, fail) => {
            const s = document.createElement('script');
            s.onload = () => done('loaded');
            s.onerror = fail;
            s.src = target.script;
            document.body.append(s);
        })),
    ]).then(() => new Promise(done => setTimeout(() => done(read), 700)));
}

async function crossSite(come) {
    const ann = await (await come('tokyo')).login();
    const before = (await daemon('tokyo', 'json', 'status')).description;
    const other = await ann.page.context().newPage();
    const api = new URL('api/v1/', tokyo.url);
    await other.goto(`${evil}/attack`);
    const read = await other.evaluate(attack, {
        change: new URL('describe', api).href, read: new URL('status', api).href,
        image: new URL('assets/icon.svg', tokyo.url).href,
        script: new URL('assets/page.js', tokyo.url).href,
    });
    same((await daemon('tokyo', 'json', 'status')).description, before,
        'V3.5.1: no form and no script of another page changes anything');
    same([read.json, read.put], ['nothing', 'nothing'], 'V3.5.2: a preflight is not answered');
    same([read.read, read.readAs], ['nothing', 'nothing'],
        'V3.4.2: no other page reads an answer');
    same([read.image, read.script], ['nothing', 'nothing'],
        'V3.2.1: nor loads a file as its own');
    for (const path of ['', 'api/v1/status']) {
        const frames = await other.evaluate(async url => {
            const frame = document.createElement('iframe');
            frame.src = url;
            document.body.append(frame);
            await new Promise(done => setTimeout(done, 800));
            return document.querySelectorAll('iframe').length;
        }, new URL(path, tokyo.url).href);
        const inside = await Promise.all(other.frames().slice(-1)
            .map(f => f.locator('body').innerText({ timeout: 2000 }).catch(() => '')));
        ok(frames > 0 && !/OpenILS|Log in|Log out|cluster_id/.test(inside.join('')),
            `V3.4.6: it is shown in no frame: /${path}`, inside.join('').slice(0, 200));
    }
    const opened = await other.evaluate(async url => {
        const window2 = open(url);
        await new Promise(done => setTimeout(done, 1200));
        return window2 === null || window2.closed;
    }, tokyo.url);
    ok(opened, 'V3.5.1: who opens the page in a window has no hold of it');
    ok(await ann.page.locator('nav.nav').isVisible(), 'V3.5.1: the user notices nothing');
    const stays = await ann.page.evaluate(() => fetch('/api/v1/session').then(r => r.json()));
    same(stays.name, 'ann', 'V3.5.1: the control: from its own page the session is there');

    visits.length = 0;
    const third = await ann.page.context().newPage();
    await third.goto(`${evil}/attack`);
    const got = await third.evaluate(attack, { change: `${weak}/change`, read: `${weak}/data`,
        image: `${weak}/icon`, script: `${weak}/script` });
    const posts = visits.filter(v => v.method === 'POST' && v.path === '/change');
    ok(posts.length >= 4 && posts.some(p => p.body.includes('"description":"taken"')),
        'V3.5.1: the control: at a page without defence the same attacks arrive',
        JSON.stringify(visits));
    ok(got.read.includes('secret'), 'V3.4.2: the control: and its answers are read',
        JSON.stringify(got));
    same([got.image, got.script], ['loaded', 'loaded'],
        'V3.2.1: the control: and its files loaded');
    await third.evaluate(url => {
        const frame = document.createElement('iframe');
        frame.src = url;
        document.body.append(frame);
    }, `${weak}/framed`);
    await settled(ann, 500);
    ok(third.frames().some(f => f.url() === `${weak}/framed`),
        'V3.4.6: the control: it is shown in a frame');
}

/* Opened by itself, an answer is data and no page. */
async function direct(come) {
    const ann = await (await come('tokyo')).login();
    await listen(ann.page);
    await ann.page.goto(new URL('api/v1/clusters', tokyo.url).href);
    const kind = await ann.page.evaluate(() => document.contentType);
    ok(kind === 'application/json' &&
        (await ann.page.locator('body').innerText()).includes('onerror=hit(1)'),
        'V3.2.1: an answer that is opened by itself is data', kind);
    same((await traces(ann.page)).ran, [], 'V3.2.1: and nothing of it runs');
}

/* --- another name that points here */

async function rebinding() {
    const browser = await chromium.launch({ executablePath: given.chromium, args: [
        '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
        '--disable-background-networking', '--disable-component-update', '--disable-sync',
        `--host-resolver-rules=MAP evil.example 127.0.0.1, MAP ${tokyo.fqdn} 127.0.0.1`,
    ] });
    try {
        const page = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage();
        const gone = await page.goto(`https://evil.example:${here.port}/`);
        same([gone.status(), await page.locator('#page').count()], [421, 0],
            'V3.5.4: another name that points here gets no page');
        const asked = await page.evaluate(() => Promise.all([
            fetch('/api/v1/session').then(r => r.status),
            fetch('/api/v1/session', { method: 'POST', headers: {
                'Content-Type': 'application/json' },
                body: '{"name":"ann","password":"correct horse battery"}' }).then(r => r.status),
        ]));
        same(asked, [421, 421], 'V3.5.4: and no answer, also to the right password');
        await page.goto(`https://${tokyo.fqdn}:${here.port}/`);
        await page.locator('#password').waitFor();
        ok(true, 'V3.5.4: the control: by its own name it is there');
    } finally {
        await browser.close();
    }
}

/* --- what is left, and what is typed */

async function left(come) {
    const ann = await come('tokyo');
    await ann.open();
    const field = ann.page.locator('#password');
    await field.waitFor();
    same(await ann.page.locator('input').evaluateAll(all =>
        all.filter(i => /password/i.test(i.id)).map(i => [i.type, i.autocomplete])),
    [['password', 'current-password']], 'V6.2.6: a password is typed without being seen');
    const pasted = await field.evaluate(i => {
        const event = new ClipboardEvent('paste', { cancelable: true, bubbles: true });
        i.dispatchEvent(event);
        return !event.defaultPrevented && !i.readOnly && i.autocomplete !== 'off';
    });
    ok(pasted, 'V6.2.7: it may be pasted, and kept by a manager');
    await ann.login();
    await ann.row('osaka').waitFor();
    same(await ann.page.evaluate(() => document.cookie), '',
        'V3.3.4: no script sees the cookie');
    ok((await ann.page.context().cookies()).some(c => c.name === '__Host-ils' && c.httpOnly),
        'V3.3.4: the control: it is there');
    for (const name of ['config', 'trace', 'plan', 'users']) {
        await ann.turn(name);
        ok(await ann.button('Log out').isVisible(), `V7.4.4: one can log out at ${name}`);
    }
    await ann.page.locator('.languages [lang=ja]').click();
    await ann.page.locator('.languages [lang=en]').click();
    const kept = await ann.page.evaluate(async () => ({
        local: Object.values(localStorage), session: Object.values(sessionStorage),
        bases: (await indexedDB.databases()).length, caches: (await caches.keys()).length,
    }));
    same(kept, { local: ['en'], session: [], bases: 0, caches: 0 },
        'V14.3.3: the browser keeps the language, and nothing else');
    same(await ann.page.locator('object, embed, applet').count(), 0,
        'V3.7.1: nothing of old browsers');
    await ann.turn('config');
    await ann.row('osaka').waitFor();
    await ann.button('Log out').click();
    await ann.button('Log in').waitFor();
    ok(!/osaka|nara|kobe/.test(await ann.page.content()),
        'V14.3.1: after logging out nothing is left on the page');
    await ann.page.goBack().catch(() => undefined);
    await settled(ann);
    ok(!/osaka|nara|kobe/.test(await ann.page.content()), 'V14.3.1: nor a page before it');
    const data = await ann.page.evaluate(() => fetch('/api/v1/clusters').then(r => r.status));
    same(data, 401, 'V14.3.1: nor an answer');
    ann.complaints.length = 0;
}

/* Another password for oneself, and an end to a session elsewhere. */
async function own(come) {
    const fresh = 'the second one of this user';
    const [here2, there] = [await come('nara'), await come('nara')];
    await Promise.all([here2.login(), there.login()]);
    await here2.turn('users');
    await here2.section('Sessions').getByText('this one').waitFor();
    const ends = here2.section('Sessions').getByRole('button', { name: /^End: / });
    const before = await ends.count();
    await ends.last().click();
    await here2.page.waitForFunction(
        n => document.querySelectorAll('button[aria-label^="End: "]').length < n, before);
    ok(before >= 1, 'V7.5.2: a session elsewhere is ended on the page');
    await here2.field('Present password').fill('not the present one');
    await here2.field('New password').fill(fresh);
    await here2.field('Confirm new password').fill(fresh);
    await here2.button('Change the password').click();
    ok(await here2.page.getByRole('alert').first().textContent(),
        'V6.2.3: a new password wants the present one');
    await here2.field('Present password').fill(there.where.account.password);
    await here2.button('Change the password').click();
    await here2.page.getByText('The password is changed.').waitFor();
    ok(true, 'V6.2.2: everybody changes his own password');
    await there.button('Log in').waitFor();
    ok(true, 'V7.4.3: and his pages elsewhere are asked to log in');
    await here2.turn('config');
    await here2.turn('users');
    await here2.section('Sessions').getByText('this one').waitFor();
    ok(true, 'V6.2.2: he himself stays in');
    await there.login({ name: 'ann', password: fresh });
    ok(true, 'V6.2.2: and the new one is good');
}

await play(
    { own, inert, addresses, control, walls, 'cross-site': crossSite, direct, rebinding, left }, 2,
);
bad.close();
