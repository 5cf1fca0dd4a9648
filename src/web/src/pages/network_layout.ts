/* network_layout: where each cluster stands in the picture of the network. Hubs stand in a ring,
 * the spokes of each in its sector of the ring around it. Spokes of which it is not known who
 * serves them (an older program does not say it, and between two beats it may have changed) are in
 * a sector of their own. */
import type { Cluster, Hub, Status } from '../types';

export type State = 'good' | 'busy' | 'held' | 'stale' | 'parted' | 'lost';
export type Kind = 'link' | 'lost' | 'parted' | 'alternate' | 'beyond';

export interface Node {
    id: string;
    name: string;
    hub: boolean;
    self: boolean;
    state: State;
    /* undefined: the registration server that this cluster has never met */
    cluster?: Cluster;
    x: number;
    y: number;
    /* where its label goes: degrees, 0 to the right */
    angle: number;
}

export interface Line {
    from: string;
    to: string;
    kind: Kind;
    method: string | null;
    code: string | null;
}

export interface Picture {
    nodes: Node[];
    lines: Line[];
    /* what is to be seen, names and all */
    box: { x: number; y: number; width: number; height: number };
    /* names stand along the radius */
    radial: boolean;
    /* spokes of which it is not known here who serves them, and where that hub is drawn */
    unplaced: Node[];
    somewhere: { x: number; y: number };
}

export function isCluster(c: Cluster): boolean {
    return c.role !== 'Imported catalog';
}

function roleOf(c: Cluster): string {
    return c.role.split(' ')[0] ?? '';
}

export function stateOf(c: Cluster): State {
    const text = c.usn_data_synchronization_status;
    if (c.disconnected) return 'parted';
    if (text === 'Disconnected') return 'lost';
    if (text.startsWith('Held') || text === 'Digest differs') return 'held';
    if (text.startsWith('Stale')) return 'stale';
    return text.startsWith('Synchronizing') || text.startsWith('Behind') ? 'busy' : 'good';
}

function nodeOf(c: Cluster): Node {
    return {
        id: c.peer_id,
        name: c.name || c.fqdn,
        hub: roleOf(c) === 'Hub',
        self: c.local,
        state: stateOf(c),
        cluster: c,
        x: 0,
        y: 0,
        angle: 0,
    };
}

/* A registration server that was never met has no row of its own. */
const STRANGER = 'registration server';

function stranger(status: Status | null, nodes: Node[]): Node | null {
    const join = status?.join;
    if (!join?.wanted || join.up || !join.hub || nodes.some(n => n.hub && !n.self)) return null;
    const name = `${join.hub}:${join.hub_port}`;
    return { id: STRANGER, name, hub: true, self: false, state: 'lost', x: 0, y: 0, angle: 0 };
}

function linesOfSelf(self: Node, nodes: Node[], hubs: Hub[], status: Status | null): Line[] {
    const lines: Line[] = [];
    const to = (node: Node, kind: Kind, method: string | null, code: string | null) =>
        lines.push({ from: self.id, to: node.id, kind, method, code });
    for (const node of nodes) {
        const contact = hubs.find(h => h.peer_id === node.id);
        if (node.self) continue;
        if (!node.cluster) to(node, 'lost', null, status?.join.last_code ?? null);
        else if (node.cluster.linked) to(node, 'link', node.cluster.link_method, null);
        else if (node.cluster.disconnected) to(node, 'parted', null, null);
        else if (contact?.why === 'alternate') to(node, 'alternate', null, contact.last_code);
        else if (contact) to(node, 'lost', null, contact.last_code);
    }
    return lines;
}

/* The hub whose sector a spoke stands in: the one that it is linked with, as it is seen from here,
 * or as it said itself; a hub that is gone does not serve it any more. */
function homeOf(spoke: Node, self: Node | undefined, hubs: Node[], lines: Line[]): Node | null {
    const mine = lines.find(l => l.kind === 'link' && (l.to === spoke.id || spoke.self));
    if (mine) return hubs.find(h => h.id === (spoke.self ? mine.to : mine.from)) ?? null;
    const apart = spoke.state === 'parted' || spoke.state === 'lost';
    const said = hubs.find(h => h.id === spoke.cluster?.hub);
    if (said && (apart || (!said.self && said.state !== 'lost'))) return said;
    if (hubs.length === 1) return hubs[0] ?? null;
    const others = hubs.filter(h => !h.self);
    if (self?.hub && spoke.state === 'parted') return self;
    return self?.hub && spoke.state !== 'lost' && others.length === 1 ? (others[0] ?? null) : null;
}

/* Between hubs that are not this one, and from them to their spokes: as it should be, not seen. */
function linesBeyond(hubs: Node[], homes: Map<Node, Node[]>, lines: Line[]): Line[] {
    const beyond = (from: Node, to: Node): Line => ({
        from: from.id,
        to: to.id,
        kind: 'beyond',
        method: null,
        code: null,
    });
    const others = hubs.filter(h => !h.self && h.cluster);
    const found: Line[] = [];
    if (others.length <= 12)
        others.forEach((a, i) => others.slice(i + 1).forEach(b => found.push(beyond(a, b))));
    for (const [hub, spokes] of homes)
        for (const spoke of spokes)
            if (!lines.some(l => l.to === spoke.id || (spoke.self && l.to === hub.id)))
                found.push(beyond(hub, spoke));
    return found;
}

const FEW = 24; /* names that have room to stand level */
const NAME = 150; /* px for a name beside its node */

function put(node: Node, radius: number, turn: number): void {
    node.x = radius * Math.cos(turn);
    node.y = radius * Math.sin(turn);
    node.angle = (turn * 180) / Math.PI;
}

interface Rings {
    inner: number;
    outer: number;
}

/* The first hub, which is this cluster where it is one, and its spokes are at the top. Returns
 * where the hubs of those who are alone are drawn. */
function sectors(hubs: Node[], homes: Map<Node, Node[]>, alone: Node[], rings: Rings) {
    const groups = hubs.map(hub => homes.get(hub) ?? []);
    if (alone.length) groups.push(alone);
    const weights = groups.map(spokes => Math.max(spokes.length, 1) + 0.6);
    const whole = weights.reduce((a, b) => a + b, 0);
    const turn = (i: number) => -Math.PI / 2 + (2 * Math.PI * i) / groups.length;
    let at = turn(0) - ((weights[0] ?? 0) / whole) * Math.PI;
    groups.forEach((spokes, i) => {
        const width = ((weights[i] ?? 0) / whole) * 2 * Math.PI;
        const each = width / Math.max(spokes.length, 1);
        spokes.forEach((s, k) => put(s, rings.outer, at + each * (k + 0.5)));
        at += width;
    });
    hubs.forEach((hub, i) => put(hub, rings.inner, turn(i)));
    const last = turn(groups.length - 1);
    return { x: rings.inner * Math.cos(last), y: rings.inner * Math.sin(last) };
}

function boxOf(nodes: Node[], radial: boolean): Picture['box'] {
    const xs = nodes.map(n => n.x);
    const ys = nodes.map(n => n.y);
    const [beside, above] = radial ? [NAME, NAME] : [NAME + 60, 50];
    const x = Math.min(...xs, 0) - beside;
    const y = Math.min(...ys, 0) - above;
    const width = Math.max(...xs, 0) + beside - x;
    return { x, y, width, height: Math.max(...ys, 0) + above - y };
}

export function picture(clusters: Cluster[], hubRows: Hub[], status: Status | null): Picture {
    const nodes = clusters.filter(isCluster).map(nodeOf);
    const server = stranger(status, nodes);
    if (server) nodes.push(server);
    const self = nodes.find(n => n.self);
    const hubs = nodes.filter(n => n.hub);
    const lines = self ? linesOfSelf(self, nodes, hubRows, status) : [];

    const homes = new Map<Node, Node[]>();
    const alone: Node[] = [];
    for (const node of nodes.filter(n => !n.hub)) {
        const home = homeOf(node, self, hubs, lines);
        if (home) homes.set(home, [...(homes.get(home) ?? []), node]);
        else alone.push(node);
    }
    hubs.sort((a, b) => Number(b.self) - Number(a.self) || a.name.localeCompare(b.name));

    const leaves = nodes.length - hubs.length;
    const radial = nodes.length > FEW;
    const around = ((leaves + hubs.length) * (radial ? 17 : 34)) / (2 * Math.PI);
    const ring = Math.max(90, ((hubs.length + 1) * 44) / (2 * Math.PI), around * 0.45);
    const inner = hubs.length < 2 ? 0 : ring;
    const outer = Math.max(inner + 90, around, 120);
    let somewhere = { x: 0, y: 0 };
    if (nodes.length === 1) put(nodes[0] as Node, 0, 0);
    else somewhere = sectors(hubs, homes, alone, { inner, outer });
    return {
        nodes,
        lines: [...linesBeyond(hubs, homes, lines), ...lines],
        box: boxOf(nodes, radial),
        radial,
        unplaced: hubs.length > 1 ? alone : [],
        somewhere,
    };
}
