/* trace: what ilsd writes while it works, as it is written; and the attempts to join, each with its
 * lines. */
import { Tabs } from '../ui/tabs';
import { words } from '../words';
import type { Shown } from './index';
import './trace.css';
import { Attempts } from './trace_attempts';
import { Lines } from './trace_lines';

const t = words(
    { lines: 'Lines', attempts: 'Attempts to join' },
    { lines: '行', attempts: '参加の試み' },
);

export function Trace(props: Shown) {
    const tab = props.query.get('tab') === 'attempts' ? 'attempts' : 'lines';
    return (
        <>
            <Tabs
                page="trace"
                at={tab}
                tabs={[
                    ['lines', t('lines')],
                    ['attempts', t('attempts')],
                ]}
            />
            {tab === 'lines' ? (
                <Lines key={props.query.toString()} query={props.query} />
            ) : (
                <Attempts key={props.query.toString()} query={props.query} />
            )}
        </>
    );
}
