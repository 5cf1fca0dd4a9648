/* health: the state of this cluster, its root cause first, and what mends it: on every page. */
import { status } from './live';
import { Remedy } from './remedy';
import { Notice } from './ui/bits';
import { said } from './said';
import { words } from './words';

const t = words(
    { healthy: 'Healthy', degraded: 'Degraded', fresh: 'This cluster has no name yet' },
    { healthy: '正常', degraded: '要対応', fresh: 'このクラスタにはまだ名前がありません' },
);

export function Health() {
    const s = status.value;
    if (!s) return null;
    if (s.health === 'healthy') return <Notice tone="good" title={t('healthy')} />;
    return (
        <Notice
            tone={s.initialised ? 'bad' : 'info'}
            title={s.initialised ? t('degraded') : t('fresh')}
        >
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
        </Notice>
    );
}
