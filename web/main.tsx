// Starts the dashboard.

import './style/base.css';
import './style/controls.css';
import './style/forms.css';
import './style/lists.css';
import './style/overview.css';
import './style/session.css';
import './style/shell.css';
import './style/webhooks.css';
import { render } from 'preact';
import { App } from './app/app.tsx';
import { checkSignIn } from './app/sign-in.ts';
import { applyTheme } from './app/theme.ts';

applyTheme();
const root = document.getElementById('app');
if (root !== null) render(<App />, root);
void checkSignIn();
