import '../../../src-renderer/styles/tokens.css'
import '../../../src-renderer/styles/base.css'
import '../../../src-renderer/styles/controls.css'
import { mount } from 'svelte'
import Page from './Page.svelte'

const target = document.getElementById('app')
if (!target) throw new Error('the page has no #app')
document.body.style.overflow = 'auto'
mount(Page, { target })
