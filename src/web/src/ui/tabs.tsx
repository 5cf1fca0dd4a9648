/* tabs: the parts of a page, each with an address of its own: `#/plan?tab=learned`. */
import { words } from '../words';

const t = words({ parts: 'Parts of this page' }, { parts: 'このページの項目' });

export function Tabs(props: { page: string; tabs: [string, string][]; at: string }) {
    return (
        <nav class="tabs" aria-label={t('parts')}>
            {props.tabs.map(([name, title]) => (
                <a
                    key={name}
                    href={`#/${props.page}?tab=${name}`}
                    aria-current={name === props.at ? 'page' : undefined}
                >
                    {title}
                </a>
            ))}
        </nav>
    );
}
