/* words: what the page itself says, in English and in Japanese. Each page keeps its own words
 * beside it: words({...English}, {...Japanese}) is the function that gives them, and the
 * compiler refuses a key that one of the two lacks. What ilsd says is translated by said.ts. */
import { signal } from '@preact/signals';
import { apart } from './foreign';

export type Language = 'en' | 'ja';
export type Fill = Record<string, string | number>;

const KEPT = 'ils-language';

function chosen(): Language {
    const kept = localStorage.getItem(KEPT);
    if (kept === 'en' || kept === 'ja') return kept;
    for (const one of navigator.languages) {
        if (one.startsWith('ja')) return 'ja';
        if (one.startsWith('en')) return 'en';
    }
    return 'en';
}

export const language = signal<Language>(chosen());

export function choose(one: Language): void {
    localStorage.setItem(KEPT, one);
    language.value = one;
}

language.subscribe(one => {
    document.documentElement.lang = one;
});

export function fill(text: string, by?: Fill): string {
    if (by === undefined) return text;
    return text.replace(/\{(\w+)\}/g, (all, key) => apart(`${by[key] ?? all}`));
}

export function words<T extends Record<string, string>>(en: T, ja: { [K in keyof T]: string }) {
    return (key: keyof T & string, by?: Fill): string =>
        fill((language.value === 'ja' ? ja : en)[key], by);
}

/* Made once for each language: to make one takes longer than all else of a row of a table. */
const PLACES = { en: 'en-GB', ja: 'ja-JP' };
const TIME = { dateStyle: 'medium', timeStyle: 'medium' } as const;
const times = {
    en: new Intl.DateTimeFormat(PLACES.en, TIME),
    ja: new Intl.DateTimeFormat(PLACES.ja, TIME),
};
const numbers = {
    en: new Intl.NumberFormat(PLACES.en),
    ja: new Intl.NumberFormat(PLACES.ja),
};

/* A time of ilsd (RFC 3339) as people here write it. */
export function when(text: string | null | undefined): string {
    if (!text) return '–';
    const time = new Date(text);
    return Number.isNaN(time.getTime()) ? text : times[language.value].format(time);
}

export function number(n: number | null | undefined): string {
    return n == null ? '–' : numbers[language.value].format(n);
}
