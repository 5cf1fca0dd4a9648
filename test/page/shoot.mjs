/* shoot: a picture of every page in English and in Japanese, WebP of one size (shoot.py). */
import { writeFileSync } from 'node:fs';
import { daemon, given, ok, play } from './harness.mjs';

const MOST = 100 * 1024;
/* Where a page has parts, the one that says most. */
const PARTS = { plan: 'learned', certificates: 'met', trace: 'attempts' };
/* Those of which somebody who was refused is a part. */
const LATER = ['alarms', 'trace', 'doctor'];

async function shoot(person, name, language) {
    await person.settled();
    await person.page.evaluate(() => {
        document.activeElement?.blur();
        return document.fonts.ready;
    });
    const screen = await person.page.context().newCDPSession(person.page);
    let size = Infinity;
    for (let quality = 80; size > MOST && quality >= 20; quality -= 20) {
        const { data } = await screen.send('Page.captureScreenshot', { format: 'webp', quality });
        const bytes = Buffer.from(data, 'base64');
        size = bytes.length;
        writeFileSync(`${given.folder}/${name}.${language}.webp`, bytes);
    }
    ok(size <= MOST, `${name}.${language}.webp: ${size} bytes`);
}

const options = locale => ({ locale, viewport: { width: 1280, height: 800 } });

async function calm(come, language) {
    const ann = await come('tokyo', options(language));
    await ann.open();
    await ann.page.locator('#name').waitFor();
    await shoot(ann, 'login', language);
    await ann.login();
    await ann.row('osaka').waitFor();
    for (const hash of await ann.page.locator('.nav a').evaluateAll(all => all.map(a => a.hash))) {
        const name = hash.slice(2);
        if (LATER.includes(name)) continue;
        await ann.look(PARTS[name] ? `${hash}?tab=${PARTS[name]}` : hash);
        await shoot(ann, name, language);
    }
    await ann.look('#/config');
    await ann.row('tokyo').evaluate(e => e.closest('section').scrollIntoView());
    await shoot(ann, 'clusters', language);
}

/* kobe, whose password differs, has tried to join; its own page, and what tokyo sees. */
async function refused(come, language) {
    const { address, port } = given.clusters.tokyo;
    await daemon('kobe', 'json', 'join', `${address}:${port}`);
    const [ann, kei] = [await come('tokyo', options(language)), await come('kobe', options(language))];
    await Promise.all([ann.login(), kei.login()]);
    await kei.page.getByText('ILS-201').first().waitFor();
    await shoot(kei, 'refused', language);
    for (const name of LATER) {
        await ann.look(PARTS[name] ? `#/${name}?tab=${PARTS[name]}` : `#/${name}`);
        await ann.page.locator('main').getByText(/kobe|ILS-201|ILSPwd/).first().waitFor();
        await shoot(ann, name, language);
    }
}

await play({
    en: come => calm(come, 'en'),
    ja: come => calm(come, 'ja'),
    'refused en': come => refused(come, 'en'),
    'refused ja': come => refused(come, 'ja'),
});
