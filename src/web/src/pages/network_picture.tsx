/* network_picture: the network drawn. What a colour says, a sign says as well: the shape is the
 * role, the sign in it the state, the stroke of a line its method. One stop of the keyboard: the
 * arrows go from cluster to cluster, Enter shows more about it. */
import { useRef, useState } from 'preact/hooks';
import { number, words } from '../words';
import type { Kind, Line, Node, Picture, State } from './network_layout';

const t = words(
    {
        picture: 'The network: {n} clusters; arrow keys go from one to the next, Enter shows more',
        hub: 'hub',
        spoke: 'spoke',
        standalone: 'stand-alone',
        self: 'this cluster',
        server: 'registration server, not reached',
        good: 'up to date',
        busy: 'synchronizing',
        held: 'held, or its digest differs',
        stale: 'stale',
        parted: 'disconnected by an operator',
        lost: 'not reached',
        link: 'linked',
        'link-lost': 'should be linked',
        'link-parted': 'disconnected by an operator',
        'link-alternate': 'alternate hub',
        'link-beyond': 'by way of its hub, as it says',
        legend: 'Legend',
        unplaced: 'Spokes of other hubs: {n}. They have not said yet which hub serves them.',
        by: 'by {method}',
        password: 'password',
        tls: 'TLS certificates',
        'tls+password': 'TLS certificates and password',
        invite: 'invite',
    },
    {
        picture: 'ネットワーク: {n} クラスタ。矢印キーで移動、Enter で詳細を表示',
        hub: 'ハブ',
        spoke: 'スポーク',
        standalone: 'スタンドアロン',
        self: 'このクラスタ',
        server: '登録サーバ(未到達)',
        good: '最新',
        busy: '同期中',
        held: '保留またはダイジェスト不一致',
        stale: '古い',
        parted: '操作者により切断',
        lost: '到達不可',
        link: 'リンク中',
        'link-lost': 'リンクすべき相手',
        'link-parted': '操作者により切断',
        'link-alternate': '代替ハブ',
        'link-beyond': '相手のハブ経由(相手の申告による)',
        legend: '凡例',
        unplaced: '他のハブのスポーク {n} 件: どのハブが受け持つかはまだ知らされていません。',
        by: '方式: {method}',
        password: 'パスワード',
        tls: 'TLS 証明書',
        'tls+password': 'TLS 証明書とパスワード',
        invite: '招待',
    },
);

const SIGN: Record<State, string> = {
    good: '✓',
    busy: '…',
    held: '!',
    stale: '?',
    parted: '‖',
    lost: '×',
};
const KINDS: Kind[] = ['link', 'lost', 'parted', 'alternate', 'beyond'];
const METHODS = ['tls', 'password', 'tls+password', 'invite'] as const;

export function methodWords(method: string | null): string {
    const known = METHODS.find(m => m === method);
    return known ? t(known) : (method ?? '–');
}

export function kindWords(kind: Kind): string {
    return kind === 'link' ? t('link') : t(`link-${kind}`);
}

/* The role as `ils clusters` says it. */
export function roleWords(role: string): string {
    const word = role.split(' ')[0];
    const said = word === 'Hub' ? t('hub') : word === 'Spoke' ? t('spoke') : t('standalone');
    return role.endsWith('(Local Cluster)') ? `${said} (${t('self')})` : said;
}

export function stateWords(state: State): string {
    return t(state);
}

function shorter(name: string, n: number): string {
    const letters = [...name];
    return letters.length > n ? `${letters.slice(0, n - 1).join('')}…` : name;
}

function titleOf(node: Node, line: Line | undefined): string {
    if (!node.cluster) return [node.name, t('server'), line?.code].filter(Boolean).join(', ');
    const parts = [node.name, node.hub ? t('hub') : t('spoke')];
    if (node.self) parts.push(t('self'));
    else parts.push(stateWords(node.state));
    if (line?.kind === 'link')
        parts.push(`${t('link')} ${t('by', { method: methodWords(line.method) })}`);
    else if (line) parts.push(kindWords(line.kind));
    if (line?.code) parts.push(line.code);
    return parts.join(', ');
}

function hexagon(r: number): string {
    return [0, 1, 2, 3, 4, 5]
        .map(i => [r * Math.cos((i * Math.PI) / 3), r * Math.sin((i * Math.PI) / 3)])
        .map(p => p.map(v => v.toFixed(1)).join(','))
        .join(' ');
}

function Shape(props: { hub: boolean; self?: boolean; state?: State }) {
    const ring = props.hub ? (
        <polygon class="ring" points={hexagon(19)} />
    ) : (
        <circle class="ring" r={14} />
    );
    return (
        <>
            {props.hub ? (
                <polygon class="shape" points={hexagon(15)} />
            ) : (
                <circle class="shape" r={10} />
            )}
            {props.self && ring}
            {props.state && (
                <text class="sign" dy="0.35em" aria-hidden="true">
                    {SIGN[props.state]}
                </text>
            )}
        </>
    );
}

/* Beside the node, away from the middle. */
function Name(props: { node: Node; radial: boolean }) {
    const { node, radial } = props;
    const room = node.hub ? 22 : 17;
    const text = shorter(node.name, radial ? 18 : 26);
    const level = ((node.angle % 360) + 360) % 360;
    if (radial && !node.hub) {
        const over = level > 90 && level < 270;
        return (
            <text
                class="name"
                transform={`rotate(${over ? level - 180 : level})`}
                x={over ? -room : room}
                dy="0.35em"
                text-anchor={over ? 'end' : 'start'}
            >
                {text}
            </text>
        );
    }
    const c = Math.cos((level * Math.PI) / 180);
    const side = node.hub || (node.x === 0 && node.y === 0) ? 0 : c > 0.35 ? 1 : c < -0.35 ? -1 : 0;
    const below = node.hub || node.y >= 0 ? room + 14 : -room - 4;
    return (
        <text
            class="name"
            x={side * room}
            y={side === 0 ? below : 0}
            dy={side === 0 ? undefined : '0.35em'}
            text-anchor={side > 0 ? 'start' : side < 0 ? 'end' : 'middle'}
        >
            {text}
        </text>
    );
}

function Lines(props: { picture: Picture }) {
    const { nodes, lines, radial } = props.picture;
    const at = new Map(nodes.map(n => [n.id, n]));
    const short: Record<string, string> = { tls: 'TLS', password: 'PW', 'tls+password': 'TLS+PW' };
    return (
        <>
            {lines.map(line => {
                const a = at.get(line.from);
                const b = at.get(line.to);
                if (!a || !b) return null;
                const said = line.code ?? (line.method ? (short[line.method] ?? line.method) : '');
                const style = `line ${line.kind} ${line.method?.replace('+', '-') ?? ''}`;
                return (
                    <g key={`${line.from} ${line.to}`} class={style}>
                        <line x1={a.x} y1={a.y} x2={b.x} y2={b.y} />
                        {said && !radial && (
                            <text x={(a.x + b.x) / 2} y={(a.y + b.y) / 2} dy="0.35em">
                                {said}
                            </text>
                        )}
                    </g>
                );
            })}
        </>
    );
}

/* The spokes of which it is not known here who serves them: at one of the other hubs. */
function Somewhere(props: { picture: Picture }) {
    const { unplaced, somewhere, radial } = props.picture;
    if (unplaced.length === 0 || radial) return null;
    return (
        <g class="line beyond" aria-hidden="true">
            {unplaced.map(n => (
                <line key={n.id} x1={somewhere.x} y1={somewhere.y} x2={n.x} y2={n.y} />
            ))}
            <g class="somewhere" transform={`translate(${somewhere.x} ${somewhere.y})`}>
                <polygon points={hexagon(15)} />
                <text dy="0.35em">…</text>
            </g>
        </g>
    );
}

function Legend(props: { picture: Picture }) {
    const states = [...new Set(props.picture.nodes.map(n => n.state))];
    const kinds = KINDS.filter(k => props.picture.lines.some(l => l.kind === k));
    const methods = METHODS.filter(m => props.picture.lines.some(l => l.method === m));
    const Mark = (p: { hub: boolean; self?: boolean; state?: State }) => (
        <svg viewBox="-21 -21 42 42" class={`mark node ${p.state ?? 'plain'}`} aria-hidden="true">
            <Shape {...p} />
        </svg>
    );
    const Stroke = (p: { style: string }) => (
        <svg viewBox="0 0 42 12" class={`stroke line ${p.style}`} aria-hidden="true">
            <line x1={1} y1={6} x2={41} y2={6} />
        </svg>
    );
    return (
        <ul class="legend" aria-label={t('legend')}>
            <li>
                <Mark hub /> {t('hub')}
            </li>
            <li>
                <Mark hub={false} /> {t('spoke')}
            </li>
            <li>
                <Mark hub self /> {t('self')}
            </li>
            {states.map(s => (
                <li key={s}>
                    <Mark hub={false} state={s} /> {stateWords(s)}
                </li>
            ))}
            {methods.map(m => (
                <li key={m}>
                    <Stroke style={`link ${m.replace('+', '-')}`} />{' '}
                    {`${t('link')}: ${methodWords(m)}`}
                </li>
            ))}
            {kinds
                .filter(k => k !== 'link')
                .map(k => (
                    <li key={k}>
                        <Stroke style={k} /> {kindWords(k)}
                    </li>
                ))}
        </ul>
    );
}

export function Drawing(props: {
    picture: Picture;
    chosen: string | null;
    choose: (id: string) => void;
}) {
    const { nodes, lines, box, unplaced, radial } = props.picture;
    const [at, setAt] = useState<string | null>(null);
    const place = useRef<SVGSVGElement>(null);
    const first = nodes.find(n => n.id === at) ?? nodes.find(n => n.self) ?? nodes[0];

    function go(by: number) {
        const i = nodes.findIndex(n => n.id === first?.id);
        const next = nodes[(i + by + nodes.length) % nodes.length];
        if (!next) return;
        setAt(next.id);
        place.current?.querySelector<SVGGElement>(`[data-id="${CSS.escape(next.id)}"]`)?.focus();
    }

    function key(event: KeyboardEvent, node: Node) {
        const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
        if (step !== undefined) go(step);
        else if (event.key === 'Enter' || event.key === ' ') props.choose(node.id);
        else return;
        event.preventDefault();
    }

    return (
        <div class="drawing">
            <div class={radial ? 'canvas many' : 'canvas'}>
                <svg
                    ref={place}
                    viewBox={`${box.x} ${box.y} ${box.width} ${box.height}`}
                    role="group"
                    aria-label={t('picture', { n: number(nodes.length) })}
                >
                    <Lines picture={props.picture} />
                    <Somewhere picture={props.picture} />
                    {nodes.map(node => {
                        const line = lines.find(l => l.kind !== 'beyond' && l.to === node.id);
                        const title = titleOf(node, line);
                        const style = `node ${node.state}`;
                        return (
                            <g
                                key={node.id}
                                data-id={node.id}
                                class={node.id === props.chosen ? `${style} chosen` : style}
                                transform={`translate(${node.x.toFixed(1)} ${node.y.toFixed(1)})`}
                                role="button"
                                tabIndex={node === first ? 0 : -1}
                                aria-label={title}
                                aria-pressed={node.id === props.chosen}
                                onClick={() => props.choose(node.id)}
                                onFocus={() => setAt(node.id)}
                                onKeyDown={e => key(e, node)}
                            >
                                <title>{title}</title>
                                <Shape hub={node.hub} self={node.self} state={node.state} />
                                <Name node={node} radial={radial} />
                            </g>
                        );
                    })}
                </svg>
            </div>
            <Legend picture={props.picture} />
            {unplaced.length > 0 && (
                <p class="hint">{t('unplaced', { n: number(unplaced.length) })}</p>
            )}
        </div>
    );
}
