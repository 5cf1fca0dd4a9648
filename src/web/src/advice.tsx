/* advice: what the troubleshooting guide says of an alarm, a code or a line of a trace: a file
 * beside the page (/assets/advice.json), which is asked for when the first of it is shown. A
 * command in it leads to the place in this page where the same is done. */
import { signal } from '@preact/signals';
import { placeOf } from './remedy';
import { Typed } from './ui/bits';
import { language } from './words';

type Kind = 'alarm' | 'code' | 'line';
type Guide = Record<Kind, Record<string, { en: string; ja: string }>>;

const guide = signal<Guide | null>(null);
let asked = false;

async function load(): Promise<void> {
    asked = true;
    const answer = await fetch('/assets/advice.json').catch(() => null);
    if (answer?.ok) guide.value = (await answer.json()) as Guide;
}

/* Its words, or '' where the guide has none. */
export function adviceOn(kind: Kind, name: string): string {
    if (!asked) void load();
    return guide.value?.[kind][name]?.[language.value] ?? '';
}

function Part(props: { text: string }) {
    const place = placeOf(props.text);
    const code = <Typed text={props.text} />;
    return place ? <a href={`#/${place}`}>{code}</a> : code;
}

/* What stands between back quotes is a command or a word of the program. */
export function Marked(props: { text: string }) {
    return (
        <>
            {props.text
                .split('`')
                .map((part, i) => (i % 2 === 1 ? <Part key={i} text={part} /> : part))}
        </>
    );
}

export function Advice(props: { kind: Kind; name: string }) {
    return <Marked text={adviceOn(props.kind, props.name)} />;
}
