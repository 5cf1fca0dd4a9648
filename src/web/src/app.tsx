/* app: the frame of every page: who is logged in, the way to the other pages, the language, and
 * the state of this cluster with its root cause first. Pages are found by the address after
 * `#`. */
import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { logout, session, who } from './api';
import { Enrol, RecoveryCodes } from './factor';
import { Health } from './health';
import { connected, status } from './live';
import { pages } from './pages';
import { Proof } from './proof';
import { Sign } from './sign';
import { Button, Working } from './ui/bits';
import { choose, language, words } from './words';

const t = words(
    {
        skip: 'Skip to the content',
        nav: 'Pages',
        logout: 'Log out',
        read: 'read only',
        live: 'live',
        broken: 'ilsd does not answer; trying again',
    },
    {
        skip: '本文へ移動',
        nav: 'ページ',
        logout: 'ログアウト',
        read: '閲覧のみ',
        live: 'ライブ',
        broken: 'ilsd が応答しません。再試行しています',
    },
);

const FIRST = 'config';

/* "#/trace?text=x" is the page "trace" with what it was asked for. */
function place(): { name: string; query: URLSearchParams } {
    const [name = '', query = ''] = location.hash.replace(/^#\/?/, '').split('?');
    return {
        name: pages.some(p => p.name === name) ? name : FIRST,
        query: new URLSearchParams(query),
    };
}

export const at = signal(place());
window.addEventListener('hashchange', () => {
    at.value = place();
    document.getElementById('content')?.focus();
    window.scrollTo(0, 0);
});

function Languages() {
    return (
        <span class="languages" role="group" aria-label="Language / 言語">
            <button
                type="button"
                lang="en"
                aria-pressed={language.value === 'en'}
                onClick={() => choose('en')}
            >
                English
            </button>
            <button
                type="button"
                lang="ja"
                aria-pressed={language.value === 'ja'}
                onClick={() => choose('ja')}
            >
                日本語
            </button>
        </span>
    );
}

function Head() {
    const s = status.value;
    const me = session.value;
    return (
        <header class="head">
            <a
                class="skip"
                href="#content"
                onClick={e => {
                    e.preventDefault();
                    document.getElementById('content')?.focus();
                }}
            >
                {t('skip')}
            </a>
            <span class="brand">OpenILS</span>
            {me && s?.initialised && (
                <span class="whose">
                    {s.cluster_id} <small>{s.fqdn}</small>
                </span>
            )}
            {me && (
                <span class={connected.value ? 'pulse on' : 'pulse'} role="status">
                    {connected.value ? t('live') : t('broken')}
                </span>
            )}
            <span class="room" />
            <Languages />
            {me && (
                <span class="me">
                    {me.name}
                    {me.role === 'read' && ` (${t('read')})`}
                    <Button onPress={() => void logout().catch(() => undefined)}>
                        {t('logout')}
                    </Button>
                </span>
            )}
        </header>
    );
}

function Nav() {
    const { name } = at.value;
    return (
        <nav class="nav" aria-label={t('nav')}>
            <ul>
                {pages.map(p => (
                    <li key={p.name}>
                        <a href={`#/${p.name}`} aria-current={p.name === name ? 'page' : undefined}>
                            {p.title()}
                        </a>
                    </li>
                ))}
            </ul>
        </nav>
    );
}

export function App() {
    useEffect(() => {
        void who().catch(() => (session.value = null));
    }, []);
    const page = pages.find(p => p.name === at.value.name);
    const title = page?.title() ?? '';
    useEffect(() => {
        document.title = session.value ? `${title} · OpenILS` : 'OpenILS';
    });
    return (
        <>
            <Head />
            {session.value === undefined && (
                <main>
                    <Working />
                </main>
            )}
            {session.value === null && <Sign />}
            {session.value?.enrol && <Enrol />}
            {session.value && !session.value.enrol && page && (
                <div class="body">
                    <Nav />
                    <main id="content" tabIndex={-1}>
                        <Health />
                        <h1>{title}</h1>
                        <page.View key={page.name} query={at.value.query} />
                    </main>
                </div>
            )}
            <RecoveryCodes />
            <Proof />
        </>
    );
}
