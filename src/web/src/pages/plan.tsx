/* plan: the dial plan: what this cluster announces and how that came about, what it learned from
 * others and what it makes of it, and where calls go. `#/plan?tab=why&dialled=...` asks at once. */
import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { ask, session } from '../api';
import { status } from '../live';
import { Button, Notice, Refused } from '../ui/bits';
import { Tabs } from '../ui/tabs';
import { useDo } from '../ui/use';
import { number, when, words } from '../words';
import type { Shown } from './index';
import { Catalogs } from './plan_catalogs';
import { Duplicates } from './plan_duplicates';
import { Held } from './plan_held';
import { ImportPlan } from './plan_import';
import { Learned } from './plan_learned';
import { Log } from './plan_log';
import { Own } from './plan_own';
import { Policy } from './plan_policy';
import { Routes } from './plan_routes';
import { Sources } from './plan_sources';
import { Why } from './plan_why';

const t = words(
    {
        own: 'Own entries',
        import: 'Import',
        log: 'Log and rollback',
        catalogs: 'Imported catalogs',
        learned: 'Learned',
        policy: 'Blocking',
        duplicates: 'Duplicates',
        held: 'Held and limits',
        sources: 'Sources',
        routes: 'Routes',
        why: 'Why',
        confirm: 'Change {n} is taken back in {left} s (at {at}), unless it is confirmed.',
        'confirm-go': 'Confirm it',
        counts: 'Own entries: {own}. Entries in all: {all}.',
    },
    {
        own: '自クラスタのエントリ',
        import: 'インポート',
        log: 'ログとロールバック',
        catalogs: 'インポート済みカタログ',
        learned: '学習済み',
        policy: 'ブロック',
        duplicates: '重複',
        held: '保留と上限',
        sources: 'ソース',
        routes: 'ルート',
        why: '検索と理由',
        confirm: '変更 {n} は、確認しなければ {left} 秒後({at})に取り消されます。',
        'confirm-go': '確認する',
        counts: '自クラスタのエントリ: {own} 件、全エントリ: {all} 件',
    },
);

const tabs = {
    own: Own,
    import: ImportPlan,
    log: Log,
    catalogs: Catalogs,
    learned: Learned,
    policy: Policy,
    duplicates: Duplicates,
    held: Held,
    sources: Sources,
    routes: Routes,
    why: Why,
} satisfies Record<string, ComponentType<Shown>>;

type Name = keyof typeof tabs;
const names = Object.keys(tabs) as Name[];

interface Waiting {
    number: number;
    until: string;
}

/* A change that is taken back by itself unless somebody confirms it. */
function Confirm() {
    const waiting = status.value?.confirm as Waiting | null | undefined;
    const doing = useDo<unknown>();
    const [, tick] = useState(0);
    useEffect(() => {
        if (!waiting) return undefined;
        const clock = setInterval(() => tick(n => n + 1), 1000);
        return () => clearInterval(clock);
    }, [waiting?.until]);
    if (!waiting) return <Refused refusal={doing.refusal} />;
    const left = Math.max(0, Math.round((Date.parse(waiting.until) - Date.now()) / 1000));
    return (
        <Notice
            tone="warn"
            title={t('confirm', { n: waiting.number, left, at: when(waiting.until) })}
        >
            <Refused refusal={doing.refusal} />
            {session.value?.role === 'admin' && (
                <p>
                    <Button
                        kind="main"
                        disabled={doing.busy}
                        onPress={() => void doing.run(() => ask('plan confirm'))}
                    >
                        {t('confirm-go')}
                    </Button>
                </p>
            )}
        </Notice>
    );
}

export function Plan(props: Shown) {
    const wanted = props.query.get('tab') as Name;
    const tab: Name = names.includes(wanted) ? wanted : 'own';
    const View = tabs[tab];
    const s = status.value;
    return (
        <>
            <Confirm />
            {s && (
                <p class="hint">
                    {t('counts', { own: number(s.own_entries), all: number(s.entries) })}
                </p>
            )}
            <Tabs page="plan" tabs={names.map(n => [n, t(n)])} at={tab} />
            <View key={tab} query={props.query} />
        </>
    );
}
