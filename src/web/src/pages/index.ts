/* pages: all of them, in the order in which they are shown. */
import type { ComponentType } from 'preact';
import { words } from '../words';
import { Alarms } from './alarms';
import { Audit } from './audit';
import { Certificates } from './certificates';
import { Config } from './config';
import { Doctor } from './doctor';
import { Doors } from './doors';
import { Network } from './network';
import { Plan } from './plan';
import { Trace } from './trace';
import { Users } from './users';

const t = words(
    {
        config: 'ILS Configuration',
        network: 'Network',
        certificates: 'Certificates',
        plan: 'Dial plan',
        alarms: 'Alarms',
        trace: 'Trace',
        doctor: 'Doctor',
        audit: 'Audit',
        doors: 'Doors',
        users: 'Accounts',
    },
    {
        config: 'ILS 設定',
        network: 'ネットワーク',
        certificates: '証明書',
        plan: 'ダイヤルプラン',
        alarms: 'アラーム',
        trace: 'トレース',
        doctor: '診断',
        audit: '監査',
        doors: 'ドア',
        users: 'アカウント',
    },
);

export interface Shown {
    query: URLSearchParams;
}

export interface Page {
    name: string;
    title: () => string;
    View: ComponentType<Shown>;
}

export const pages: Page[] = [
    { name: 'config', title: () => t('config'), View: Config },
    { name: 'network', title: () => t('network'), View: Network },
    { name: 'certificates', title: () => t('certificates'), View: Certificates },
    { name: 'plan', title: () => t('plan'), View: Plan },
    { name: 'alarms', title: () => t('alarms'), View: Alarms },
    { name: 'trace', title: () => t('trace'), View: Trace },
    { name: 'doctor', title: () => t('doctor'), View: Doctor },
    { name: 'audit', title: () => t('audit'), View: Audit },
    { name: 'doors', title: () => t('doors'), View: Doors },
    { name: 'users', title: () => t('users'), View: Users },
];
