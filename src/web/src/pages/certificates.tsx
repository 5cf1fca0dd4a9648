/* certificates: the own certificate, whom this cluster trusts, whom it has met, whom it invites,
 * and who would stay if only certificates counted. The remedy of a refusal leads to
 * `#/certificates?verdict=ID`, which asks at once. */
import { Tabs } from '../ui/tabs';
import { words } from '../words';
import { Invites } from './certificates_invites';
import { Met } from './certificates_met';
import { Own } from './certificates_own';
import { Ready } from './certificates_ready';
import { Trust } from './certificates_trust';
import type { Shown } from './index';

const t = words(
    {
        own: 'Own certificate',
        trust: 'Trust store',
        met: 'Clusters met',
        invites: 'Invites',
        ready: 'Readiness',
    },
    {
        own: '自クラスタの証明書',
        trust: 'トラストストア',
        met: '接続したクラスタ',
        invites: '招待',
        ready: '移行の準備',
    },
);

const names = ['own', 'trust', 'met', 'invites', 'ready'] as const;
type Name = (typeof names)[number];

function tabOf(query: URLSearchParams): Name {
    const wanted = query.get('tab') as Name;
    if (names.includes(wanted)) return wanted;
    return query.has('verdict') ? 'trust' : 'own';
}

export function Certificates(props: Shown) {
    const tab = tabOf(props.query);
    return (
        <>
            <Tabs page="certificates" tabs={names.map(n => [n, t(n)])} at={tab} />
            {tab === 'own' && <Own />}
            {tab === 'trust' && <Trust verdict={props.query.get('verdict')} />}
            {tab === 'met' && <Met />}
            {tab === 'invites' && <Invites />}
            {tab === 'ready' && <Ready />}
        </>
    );
}
