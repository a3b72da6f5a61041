import './styles/tokens.css';
import './styles/base.css';
import './styles/causes.css';
import './styles/controls.css';
import { mount } from 'svelte';
import { language, speak } from './messages';
import { preferences } from './state/preferences.svelte';

const target = document.getElementById('app');
if (!target) throw new Error('the page has no #app');
document.documentElement.lang = language;
preferences.paint();
// What reads words at its beginning is loaded when they are there.
void speak()
  .then(() => import('./App.svelte'))
  .then(({ default: App }) => mount(App, { target }));
