/* trace_live: the newest lines of the trace, those of before and those that are being written. ilsd
 * passes over what is not wanted, so that what is wanted is not crowded out by other lines. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { ask, Refusal, type Args } from '../api';
import { connected } from '../live';
import type { TraceLine } from './trace_text';

const KEPT = 2048; /* as many as ilsd gives */
const SHOW_MS = 250;

interface Shown {
    lines: TraceLine[];
    refusal: Refusal | null;
}

export interface Live extends Shown {
    connected: boolean;
    waiting: number; /* lines that came while it was paused */
}

/* None is twice in a trace: a line begins with its number and its time. */
function joined(former: TraceLine[], newer: TraceLine[]): TraceLine[] {
    const by = new Map<string, TraceLine>();
    for (const one of [...former, ...newer]) by.set(one.line, one);
    return [...by.values()].sort(inOrder).slice(-KEPT);
}

function inOrder(a: TraceLine, b: TraceLine): number {
    const [s, t] = [a.record?.time ?? '', b.record?.time ?? ''];
    return s < t ? -1 : s > t ? 1 : a.line < b.line ? -1 : a.line > b.line ? 1 : 0;
}

function queryOf(filter: Args): string {
    const query = new URLSearchParams();
    for (const [key, value] of Object.entries(filter)) query.append(key, String(value));
    return query.toString();
}

/* While paused, what comes is kept and not shown. filter: as of `trace follow`. */
export function useTrace(paused: boolean, filter: Args = {}): Live {
    const [shown, setShown] = useState<Shown>({ lines: [], refusal: null });
    const [waiting, setWaiting] = useState(0);
    const held = useRef<TraceLine[]>([]);
    const stopped = useRef(paused);
    stopped.current = paused;

    function take() {
        const newer = held.current;
        held.current = [];
        setWaiting(0);
        setShown(s => ({ ...s, lines: joined(s.lines, newer) }));
    }

    const query = queryOf(filter);
    const former = useRef(query);
    useEffect(() => {
        if (!connected.value) return undefined;
        let ended = false;
        let timer = 0;
        if (former.current !== query) setShown({ lines: [], refusal: null });
        former.current = query;
        held.current = [];
        const source = new EventSource(`/api/v1/trace/follow?${query}`);
        const show = () => {
            timer = 0;
            if (stopped.current) setWaiting(held.current.length);
            else take();
        };
        ask<TraceLine[]>('trace last', { ...filter, max: KEPT }).then(
            lines => {
                if (!ended)
                    setShown(s => ({ refusal: null, lines: joined([], [...s.lines, ...lines]) }));
            },
            (e: unknown) => {
                if (!ended && e instanceof Refusal) setShown(s => ({ ...s, refusal: e }));
            },
        );
        source.onmessage = event => {
            const { trace } = JSON.parse(event.data as string) as { trace?: TraceLine };
            if (!trace) return;
            held.current.push(trace);
            if (held.current.length > KEPT) held.current.splice(0, held.current.length - KEPT);
            if (timer === 0) timer = window.setTimeout(show, SHOW_MS);
        };
        return () => {
            ended = true;
            clearTimeout(timer);
            source.close();
        };
    }, [connected.value, query]);

    useEffect(() => {
        if (!paused && held.current.length > 0) take();
    }, [paused]);
    return { ...shown, connected: connected.value, waiting };
}
