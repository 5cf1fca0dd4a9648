/* plan: how much is announced here, and how much was learned. */
import { status } from '../live';
import { number, words } from '../words';

const t = words(
    { own: 'Own entries', all: 'Entries' },
    { own: '自クラスタのエントリ', all: '全エントリ' },
);

export function Plan() {
    const s = status.value;
    if (!s) return null;
    return (
        <dl class="facts">
            <dt>{t('own')}</dt>
            <dd>{number(s.own_entries)}</dd>
            <dt>{t('all')}</dt>
            <dd>{number(s.entries)}</dd>
        </dl>
    );
}
