/* act: a button that asks first, and then does it: what is refused is said in the question, which
 * stays open until it is done or given up. */
import { useState } from 'preact/hooks';
import { Button, Refused, type Children } from './bits';
import { Dialog } from './dialog';
import { useDo } from './use';

export function Act<T>(props: {
    label: string;
    /* what it is done to, for who does not see the row it stands in */
    of?: string;
    title: string;
    go?: string;
    danger?: boolean;
    disabled?: boolean;
    children?: Children;
    work: () => Promise<T>;
    done?: (answer: T) => void;
}) {
    const [open, setOpen] = useState(false);
    return (
        <>
            <Button
                kind={props.danger ? 'danger' : 'plain'}
                label={props.of === undefined ? undefined : `${props.label}: ${props.of}`}
                disabled={props.disabled}
                opens
                onPress={() => setOpen(true)}
            >
                {props.label}
            </Button>
            {open && (
                <Question
                    title={props.title}
                    go={props.go ?? props.label}
                    danger={props.danger}
                    work={props.work}
                    done={props.done}
                    onEnd={() => setOpen(false)}
                >
                    {props.children}
                </Question>
            )}
        </>
    );
}

/* The question alone, for who opens it himself. */
export function Question<T>(props: {
    title: string;
    go: string;
    danger?: boolean;
    children?: Children;
    work: () => Promise<T>;
    done?: (answer: T) => void;
    onEnd: () => void;
}) {
    const doing = useDo<{ answer: T }>();
    async function go() {
        const got = await doing.run(async () => ({ answer: await props.work() }));
        if (got === undefined) return;
        props.onEnd();
        props.done?.(got.answer);
    }
    return (
        <Dialog
            title={props.title}
            go={props.go}
            danger={props.danger}
            busy={doing.busy}
            onGo={() => void go()}
            onCancel={props.onEnd}
        >
            {props.children}
            <Refused refusal={doing.refusal} />
        </Dialog>
    );
}
