/* api: the page's way to ilsd (docs/api.md). A command by its words, its arguments as JSON; its
 * answer or a Refusal. Whoever must give the password again is asked for it, and the request is
 * made again; a session that has ended leads back to the login. */
import { signal } from '@preact/signals';

export interface Session {
    name: string;
    role: 'admin' | 'read';
    csrf: string;
    proved: boolean;
    second_factor: boolean;
    recovery_left: number;
    /* a second factor is required, and there is none yet: nothing else may be done */
    enrol: boolean;
}

/* undefined: not asked yet; null: nobody is logged in. */
export const session = signal<Session | null | undefined>(undefined);
/* Whether somebody has set the page up. */
export const accounts = signal(true);

export type Args = Record<string, unknown>;

export interface WrongRow {
    line: number;
    column: string | null;
    value: string | null;
    text: string;
}

export class Refusal extends Error {
    constructor(
        readonly status: number,
        override readonly name: string,
        readonly text: string,
        readonly next = '',
        readonly where: string | null = null,
        readonly more: string[] = [],
        /* what is wrong in a file of entries */
        readonly rows: WrongRow[] = [],
    ) {
        super(text);
    }
}

export interface Answer<T> {
    result: T;
    exit: number;
    lines: Args[];
}

/* Set by the dialog that asks for the password: true when it was given. */
type Prove = () => Promise<boolean>;
let prove: Prove = async () => false;
export function proveBy(how: Prove): void {
    prove = how;
}

function refusalOf(status: number, body: unknown): Refusal {
    const error = (body as { error?: Record<string, unknown> } | null)?.error;
    if (!error) return new Refusal(status, 'ANSWER', `the answer cannot be read (HTTP ${status})`);
    return new Refusal(
        status,
        String(error.name ?? ''),
        String(error.text ?? ''),
        String(error.next ?? ''),
        error.where == null ? null : String(error.where),
        Array.isArray(error.more) ? error.more.map(String) : [],
        Array.isArray(error.rows) ? (error.rows as WrongRow[]) : [],
    );
}

/* A session that has ended leads back to the login, one that lacks a second factor to that. */
function refused(status: number, body: unknown): Refusal {
    const refusal = refusalOf(status, body);
    if (refusal.name === 'SESSION') session.value = null;
    if (refusal.name === 'ENROL' && session.value)
        session.value = { ...session.value, enrol: true };
    return refusal;
}

async function request(method: string, path: string, init: RequestInit): Promise<unknown> {
    const headers = new Headers(init.headers);
    const csrf = session.value?.csrf;
    if (csrf && method !== 'GET') headers.set('X-CSRF-Token', csrf);
    let answer: Response;
    try {
        answer = await fetch(`/api/v1/${path}`, { ...init, method, headers });
    } catch {
        throw new Refusal(0, 'GONE', 'ilsd does not answer', 'systemctl status ilsd');
    }
    const body: unknown = await answer.json().catch(() => null);
    if (answer.ok && body !== null) return body;
    throw refused(answer.status, body);
}

async function proved(attempt: () => Promise<unknown>): Promise<unknown> {
    try {
        return await attempt();
    } catch (e) {
        if (!(e instanceof Refusal) || e.name !== 'PROOF' || !(await prove())) throw e;
        return attempt();
    }
}

function json(body: unknown): RequestInit {
    return { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } };
}

function given(args: Args): Args {
    return Object.fromEntries(Object.entries(args).filter(([, v]) => v !== undefined && v !== ''));
}

/* A command of docs/control.md, with its lines and its exit status. */
export async function command<T>(words: string, args: Args = {}): Promise<Answer<T>> {
    const path = words.replaceAll(' ', '/');
    const body = await proved(() => request('POST', path, json(args)));
    const answer = body as Answer<T>;
    return { result: answer.result, exit: answer.exit, lines: answer.lines ?? [] };
}

/* The result alone: ask('plan log', {max: 20}). Arguments of undefined, and those of '' but where
 * they say something (empty), are left out. */
export async function ask<T>(words: string, args: Args = {}, empty = false): Promise<T> {
    return (await command<T>(words, empty ? args : given(args))).result;
}

/* A command that says more than once how it stands: each line as it comes, then its answer. */
export async function follow<T>(
    words: string,
    args: Args,
    take: (line: Args) => void,
    end?: AbortSignal,
): Promise<Answer<T>> {
    const attempt = () => stream(words.replaceAll(' ', '/'), args, take, end);
    return (await proved(attempt)) as Answer<T>;
}

async function stream(path: string, args: Args, take: (line: Args) => void, end?: AbortSignal) {
    const headers = new Headers({
        'Content-Type': 'application/json',
        Accept: 'application/x-ndjson',
        'X-CSRF-Token': session.value?.csrf ?? '',
    });
    const init = { method: 'POST', headers, body: JSON.stringify(given(args)), signal: end };
    const answer = await fetch(`/api/v1/${path}`, init).catch(() => null);
    if (answer === null)
        throw new Refusal(0, 'GONE', 'ilsd does not answer', 'systemctl status ilsd');
    if (!answer.ok || !answer.body) throw refused(answer.status, await answer.json());
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = '';
    for (;;) {
        const { done, value } = await reader.read();
        const lines = (rest + (value ?? '')).split('\n');
        rest = lines.pop() ?? '';
        for (const text of lines.filter(l => l !== '')) {
            const line = JSON.parse(text) as Args;
            if (line.ok === true) return { lines: [], ...line };
            if (line.ok === false) throw refused(409, line);
            take(line);
        }
        if (done) throw new Refusal(0, 'GONE', 'ilsd hung up', 'ils status');
    }
}

/* A command that takes a file: its bytes are the body, its arguments the query. */
export async function send<T>(words: string, args: Args, file: Blob): Promise<T> {
    const query = new URLSearchParams();
    for (const [key, value] of Object.entries(given(args)))
        for (const one of Array.isArray(value) ? value : [value]) query.append(key, String(one));
    const path = `${words.replaceAll(' ', '/')}?${query}`;
    const init = { body: file, headers: { 'Content-Type': 'application/octet-stream' } };
    return ((await proved(() => request('POST', path, init))) as Answer<T>).result;
}

/* --- who is logged in */

export async function who(): Promise<void> {
    const body = (await request('GET', 'session', {})) as Session & { accounts: boolean };
    accounts.value = body.accounts;
    session.value = body.name ? body : null;
}

/* code: of the second factor; '': none is given. */
export async function login(name: string, password: string, code: string): Promise<void> {
    const body = json(given({ name, password, code }));
    session.value = (await request('POST', 'session', body)) as Session;
}

export async function setup(code: string, name: string, password: string): Promise<void> {
    session.value = (await request('POST', 'setup', json({ code, name, password }))) as Session;
    accounts.value = true;
}

export async function logout(): Promise<void> {
    try {
        await request('DELETE', 'session', {});
    } finally {
        session.value = null;
    }
}

export async function giveProof(password: string, code: string): Promise<void> {
    const body = json(given({ password, code }));
    session.value = (await request('POST', 'session/proof', body)) as Session;
}

/* Another password for whoever is logged in; the session that answers is a new one. */
export async function changePassword(password: string, fresh: string, code: string): Promise<void> {
    const body = json(given({ password, new: fresh, code }));
    session.value = (await request('POST', 'session/password', body)) as Session;
}

export interface Offer {
    key: string;
    uri: string;
}

/* A key for a second factor; it counts when a code of it is given, and the recovery codes of that
 * are told this once. */
export async function offerFactor(): Promise<Offer> {
    return (await proved(() => request('POST', 'session/factor', json({})))) as Offer;
}

export async function takeFactor(code: string): Promise<string[]> {
    const body = json({ code });
    const answer = await proved(() => request('POST', 'session/factor', body));
    const { recovery_codes, ...rest } = answer as Session & { recovery_codes: string[] };
    session.value = rest;
    return recovery_codes;
}

export async function removeFactor(): Promise<void> {
    const body = await proved(() => request('POST', 'session/factor/remove', json({})));
    session.value = body as Session;
}

export interface SessionRow {
    number: number;
    name: string;
    from: string;
    seconds: number;
    idle: number;
    own: boolean;
}

export async function sessions(): Promise<SessionRow[]> {
    return (await request('GET', 'sessions', {})) as SessionRow[];
}

export async function endSession(number: number): Promise<SessionRow[]> {
    const body = json({ number });
    return (await proved(() => request('POST', 'sessions/end', body))) as SessionRow[];
}

export interface User {
    name: string;
    role: string;
    second_factor: boolean;
}

export async function users(): Promise<User[]> {
    return (await request('GET', 'users', {})) as User[];
}

export async function putUser(name: string, password: string, role: string): Promise<void> {
    const body = json(given({ name, password, role }));
    await proved(() => request('POST', 'users', body));
}

export async function removeUser(name: string): Promise<void> {
    await proved(() => request('POST', 'users/remove', json({ name })));
}
