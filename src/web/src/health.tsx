/* health: the state of this cluster, its root cause first, and what mends it: on every page. Who
 * was refused dials again after a minute, or at once by a button. */
import { ask, session } from './api';
import { status } from './live';
import { Remedy } from './remedy';
import { said } from './said';
import type { Status, Verdict } from './types';
import { Button, Notice, Refused, Working } from './ui/bits';
import { useDo } from './ui/use';
import { words } from './words';

const t = words(
    {
        healthy: 'Healthy',
        degraded: 'Degraded',
        fresh: 'This cluster has no name yet',
        now: 'Try again now',
        trying: 'Dialling {hub}…',
    },
    {
        healthy: '正常',
        degraded: '要対応',
        fresh: 'このクラスタにはまだ名前がありません',
        now: '今すぐ再試行',
        trying: '{hub} に接続しています…',
    },
);

/* The verdict comes with the events; a refusal by it is no refusal of the request. */
function Again(props: { status: Status }) {
    const { hub, hub_port } = props.status.join;
    const as = props.status.role === 'Hub' ? 'hub' : 'spoke';
    const doing = useDo<Verdict>();
    const args = { host: hub, port: hub_port || undefined, as, wait: true };
    if (session.value?.role !== 'admin') return null;
    return (
        <>
            <p>
                <Button
                    disabled={doing.busy}
                    onPress={() => void doing.run(() => ask<Verdict>('join', args))}
                >
                    {t('now')}
                </Button>
            </p>
            {doing.busy && <Working text={t('trying', { hub: hub ?? '' })} />}
            <Refused refusal={doing.refusal} />
        </>
    );
}

export function Health() {
    const s = status.value;
    if (!s) return null;
    if (s.health === 'healthy') return <Notice tone="good" title={t('healthy')} />;
    const tone = s.initialised ? 'bad' : 'info';
    return (
        <Notice tone={tone} title={s.initialised ? t('degraded') : t('fresh')}>
            <p>{said(s.cause)}</p>
            {s.next && (
                <p>
                    <Remedy text={s.next} at={s.next_at} />
                </p>
            )}
            {s.or && (
                <p>
                    <Remedy text={s.or} at={s.or_at} />
                </p>
            )}
            {s.join.wanted && !s.join.up && s.join.hub && <Again status={s} />}
        </Notice>
    );
}
