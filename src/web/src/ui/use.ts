/* use: what a page does with a command: ask it when the page opens and when told to, or do it
 * when a button is pressed; either way it is busy, refused, or has its answer. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { ask, Refusal, type Args } from '../api';

export interface Asked<T> {
    data: T | undefined;
    refusal: Refusal | null;
    busy: boolean;
    again: () => void;
}

function refusalOf(e: unknown): Refusal {
    return e instanceof Refusal ? e : new Refusal(0, 'PAGE', String(e));
}

/* words = '': nothing is asked. */
export function useAsk<T>(words: string, args: Args = {}): Asked<T> {
    const [state, setState] = useState<Omit<Asked<T>, 'again'>>({
        data: undefined,
        refusal: null,
        busy: words !== '',
    });
    const [turn, setTurn] = useState(0);
    const key = JSON.stringify(args);
    useEffect(() => {
        if (words === '') return undefined;
        let late = false;
        setState(s => ({ ...s, busy: true }));
        ask<T>(words, JSON.parse(key) as Args).then(
            data => late || setState({ data, refusal: null, busy: false }),
            (e: unknown) => late || setState(s => ({ ...s, refusal: refusalOf(e), busy: false })),
        );
        return () => {
            late = true;
        };
    }, [words, key, turn]);
    const again = useCallback(() => setTurn(n => n + 1), []);
    return { ...state, again };
}

/* Asks again when something that ilsd tells by itself has changed. */
export function useAgain(again: () => void, what: unknown): void {
    const first = useRef(true);
    useEffect(() => {
        if (!first.current) again();
        first.current = false;
    }, [what, again]);
}

export interface Doing<T> {
    done: T | undefined;
    refusal: Refusal | null;
    busy: boolean;
    /* undefined where it was refused */
    run: (work: () => Promise<T>) => Promise<T | undefined>;
    clear: () => void;
}

export function useDo<T>(): Doing<T> {
    const [state, setState] = useState<{ done?: T; refusal: Refusal | null; busy: boolean }>({
        refusal: null,
        busy: false,
    });
    const here = useRef(true);
    useEffect(
        () => () => {
            here.current = false;
        },
        [],
    );
    const run = useCallback(async (work: () => Promise<T>) => {
        setState(s => ({ ...s, busy: true, refusal: null }));
        try {
            const done = await work();
            if (here.current) setState({ done, refusal: null, busy: false });
            return done;
        } catch (e) {
            if (here.current) setState({ refusal: refusalOf(e), busy: false });
            return undefined;
        }
    }, []);
    const clear = useCallback(() => setState({ refusal: null, busy: false }), []);
    return { done: state.done, refusal: state.refusal, busy: state.busy, run, clear };
}

const PAUSE_MS = 120;

/* What was typed, once the typing pauses. */
export function useSettled(text: string): string {
    const [settled, setSettled] = useState(text);
    useEffect(() => {
        const clock = setTimeout(() => setSettled(text), PAUSE_MS);
        return () => clearTimeout(clock);
    }, [text]);
    return settled;
}
