/* remedy: what ilsd says to type, and the place in this page where the same is done: a remedy
 * at this end has a link to its form, with what the command names already filled in. */
import { Command } from './ui/bits';
import { words } from './words';

const t = words({ open: 'Do it on this page' }, { open: 'このページで行う' });

/* The command begins so: the page (with what it is asked for) where it is done. */
const places: [RegExp, (m: RegExpMatchArray) => string][] = [
    [/^ils init\b/, () => 'config'],
    [/^ils (join|role|auth|exchange|describe|sync every)\b/, () => 'config'],
    [/^ils password add --generation (\d+)/, m => `config?generation=${m[1]}`],
    [/^ils password\b/, () => 'config'],
    [/^ils trust import --verdict (\w+)/, m => `certificates?verdict=${m[1]}`],
    [/^ils trust\b/, () => 'certificates?tab=trust'],
    [/^ils invite\b/, () => 'certificates?tab=invites'],
    [/^ils cert\b/, () => 'certificates'],
    [
        /^ils (connect|disconnect|forget|hubs|clusters|sync|rebuild|restore|identity|network)\b/,
        () => 'network',
    ],
    [/^ils plan import\b/, () => 'plan?tab=import'],
    [/^ils plan (log|rollback)\b/, () => 'plan?tab=log'],
    [/^ils route add '([^']+)'/, m => `plan?tab=routes&pattern=${encodeURIComponent(m[1] ?? '')}`],
    [/^ils route\b/, () => 'plan?tab=routes'],
    [/^ils catalog\b/, () => 'plan?tab=catalogs'],
    [/^ils source\b/, () => 'plan?tab=sources'],
    [/^ils learned\b/, () => 'plan?tab=learned'],
    [/^ils (block|accept)\b/, () => 'plan?tab=policy'],
    [/^ils duplicates\b/, () => 'plan?tab=duplicates'],
    [/^ils (held|limits|plan confirm-shrink)\b/, () => 'plan?tab=held'],
    [/^ils lookup set\b/, () => 'plan?tab=why'],
    [
        /^ils (?:lookup|why) '?([^' ]+)/,
        m => `plan?tab=why&dialled=${encodeURIComponent(m[1] ?? '')}`,
    ],
    [/^ils (lookup|why)\b/, () => 'plan?tab=why'],
    [/^ils plan\b/, () => 'plan'],
    [/^ils alarms\b/, () => 'alarms'],
    [/^ils (trace|verdicts)\b/, () => 'trace'],
    [/^ils diagnose (\S+)$/, m => `doctor?target=${encodeURIComponent(m[1] ?? '')}`],
    [/^ils diagnose\b/, () => 'doctor'],
];

export function placeOf(command: string): string | null {
    for (const [like, where] of places) {
        const m = command.match(like);
        if (m) return where(m);
    }
    return null;
}

export function Remedy(props: { text: string; at: string }) {
    const place = props.at === 'here' ? placeOf(props.text) : null;
    return (
        <span class="remedy">
            <Command text={props.text} at={props.at} />
            {place && <a href={`#/${place}`}>{t('open')}</a>}
        </span>
    );
}
