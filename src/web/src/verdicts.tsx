/* verdicts: how the last attempts to join ended, here as at the other end: code, cause,
 * evidence, and what to type where. */
import { verdicts } from './live';
import { Remedy } from './remedy';
import { evidence, said } from './said';
import type { Verdict } from './types';
import { Chip, Notice, None, Print } from './ui/bits';
import { when, words } from './words';

const t = words(
    {
        none: 'Nobody has tried to join yet.',
        told: 'as the other end says',
        time: 'When',
        method: 'Method',
        peer: 'Other end',
        id: 'Verdict',
        evidence: 'Evidence',
        rule: 'Rule',
        certificate: 'Certificate',
        dialled: 'dialled from here',
        dialling: 'dialled by it',
    },
    {
        none: '参加の試みはまだありません。',
        told: '相手側の申告',
        time: '日時',
        method: '方式',
        peer: '相手',
        id: '判定',
        evidence: '根拠',
        rule: '規則',
        certificate: '証明書',
        dialled: 'こちらから接続',
        dialling: '相手から接続',
    },
);

/* One verdict, whole. */
export function OneVerdict(props: { v: Verdict }) {
    const v = props.v;
    const good = v.code === 'ILS-100';
    return (
        <Notice tone={good ? 'good' : 'bad'} title={`${v.code} · ${said(v.cause)}`}>
            {v.remedy && (
                <p>
                    <Remedy text={v.remedy} at={v.remedy_at} />
                </p>
            )}
            <dl class="facts">
                <dt>{t('time')}</dt>
                <dd>{when(v.time)}</dd>
                <dt>{t('peer')}</dt>
                <dd>
                    {v.peer_name ?? v.address ?? v.host} ({v.dialler ? t('dialled') : t('dialling')}
                    )
                </dd>
                <dt>{t('method')}</dt>
                <dd>{said(v.method)}</dd>
                <dt>{t('evidence')}</dt>
                <dd>{evidence(v.evidence)}</dd>
                {v.rule && (
                    <>
                        <dt>{t('rule')}</dt>
                        <dd>{said(v.rule)}</dd>
                    </>
                )}
                {v.fingerprint && (
                    <>
                        <dt>{t('certificate')}</dt>
                        <dd>
                            {v.certificate_name} <Print of={v.fingerprint} />
                        </dd>
                    </>
                )}
                <dt>{t('id')}</dt>
                <dd>
                    <code>{v.verdict_id}</code>
                </dd>
            </dl>
            {v.told && (
                <p>
                    <Chip tone="plain">{t('told')}</Chip>
                </p>
            )}
        </Notice>
    );
}

/* The last ones, the newest first. */
export function Verdicts(props: { max?: number }) {
    const rows = verdicts.value.slice(0, props.max ?? 20);
    return (
        <>
            {rows.length === 0 && <None text={t('none')} />}
            {rows.map(v => (
                <OneVerdict key={`${v.verdict_id} ${v.time}`} v={v} />
            ))}
        </>
    );
}
