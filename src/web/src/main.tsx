/* main: the page begins here. */
import { render } from 'preact';
import { App } from './app';
import { keepOrder } from './foreign';
import './style.css';

keepOrder();
const place = document.getElementById('page');
if (place) render(<App />, place);
