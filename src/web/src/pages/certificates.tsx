/* certificates: the own one. */
import { status } from '../live';
import { words, when } from '../words';

const t = words(
    { subject: 'Subject', fingerprint: 'Fingerprint', ends: 'Valid until' },
    { subject: 'サブジェクト', fingerprint: 'フィンガープリント', ends: '有効期限' },
);

export function Certificates() {
    const c = status.value?.certificate;
    if (!c) return null;
    return (
        <dl class="facts">
            <dt>{t('subject')}</dt>
            <dd>{c.subject}</dd>
            <dt>{t('fingerprint')}</dt>
            <dd>
                <code>{c.fingerprint}</code>
            </dd>
            <dt>{t('ends')}</dt>
            <dd>{when(c.not_after)}</dd>
        </dl>
    );
}
