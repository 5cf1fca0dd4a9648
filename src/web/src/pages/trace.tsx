/* trace: the last lines of the trace. */
import { Refused, Working } from '../ui/bits';
import { useAsk } from '../ui/use';

interface Line {
    line: string;
}

export function Trace() {
    const asked = useAsk<Line[]>('trace last', { max: 100 });
    return (
        <>
            <Refused refusal={asked.refusal} />
            {asked.data === undefined && asked.busy && <Working />}
            {asked.data && <pre tabIndex={0}>{asked.data.map(l => l.line).join('\n')}</pre>}
        </>
    );
}
