/* doctor: why it does not join: traces explained, the way to a cluster tested, and the verdicts
 * that are remembered here. */
import { session } from '../api';
import { Section } from '../ui/bits';
import { Verdicts } from '../verdicts';
import { words } from '../words';
import { LiveTest } from './doctor_live';
import { Explain } from './doctor_trace';
import type { Shown } from './index';
import './trace.css';

const t = words(
    { verdicts: 'The last verdicts here', all: 'All, each with its lines of the trace' },
    { verdicts: 'ここでの最近の判定', all: 'すべての判定とトレースの行' },
);

export function Doctor(props: Shown) {
    return (
        <>
            <Explain />
            {session.value?.role === 'admin' && (
                <LiveTest target={props.query.get('target') ?? ''} />
            )}
            <Section title={t('verdicts')}>
                <Verdicts max={3} />
                <p>
                    <a href="#/trace?tab=attempts">{t('all')}</a>
                </p>
            </Section>
        </>
    );
}
