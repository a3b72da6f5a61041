import './styles/tokens.css';
import './styles/base.css';
import './styles/causes.css';
import './styles/controls.css';
import { mount } from 'svelte';
import App from './App.svelte';
import { language } from './messages';

const target = document.getElementById('app');
if (!target) throw new Error('the page has no #app');
document.documentElement.lang = language;
mount(App, { target });
