// Drives a browser for tests that are written in Go, see browser_test.go. The first argument is
// a JSON object with the arguments of chromium. Each line of standard input is a call
//
//	{"id": 1, "page": 1, "selector": "#to", "method": "fill", "args": ["x"]}
//
// of a method of Playwright's Page, of something below it ("keyboard.press"), or of the Locator of a
// selector. It is answered by a line {"id", "result"} or {"id", "error"}. Calls run as they
// come and may be answered in another order. At the end of standard input the browser is closed.

import readline from 'node:readline'
import { chromium } from 'playwright-core'

const { path, args, timeout } = JSON.parse(process.argv[2])
const browser = await chromium.launch({ executablePath: path, args, timeout })
const pages = new Map() // By number: the page, and what happened in it since it was last asked.

const responseOf = async r => ({
	url: r.url(), method: r.request().method(), status: r.status(), headers: await r.allHeaders(),
	protocol: await r.httpVersion(), type: r.request().resourceType(),
})

// spy notes all that a page does to others or asks for: requests, dialogs, windows, downloads, messages on the console.
const spy = (page, note) => {
	page.on('request', r => note(`request ${r.url()}`))
	page.on('console', m => note(`console ${m.text()}`))
	page.on('dialog', d => {
		note(`dialog ${d.type()} ${d.message()}`)
		const answered = d.type() === 'beforeunload' ? d.accept() : d.dismiss()
		answered.catch(() => {})
	})
	page.on('popup', p => note(`window ${p.url()}`))
	page.on('download', d => note(`download ${d.url()}`))
	page.on('framenavigated', f => f === page.mainFrame() && note(`page ${f.url()}`))
}

// count notes what each request of a page has cost on the wire, headers and all, as far as it has come.
const count = async page => {
	const session = await page.context().newCDPSession(page)
	const requests = new Map()
	const add = (id, more) => Object.assign(requests.get(id) ?? {}, more)
	session.on('Network.requestWillBeSent', e => requests.set(e.requestId, { url: e.request.url, method: e.request.method, bytes: 0 }))
	session.on('Network.responseReceived', e => add(e.requestId, { protocol: e.response.protocol, bytes: e.response.encodedDataLength }))
	session.on('Network.dataReceived', e => add(e.requestId, { bytes: (requests.get(e.requestId)?.bytes ?? 0) + e.encodedDataLength }))
	session.on('Network.loadingFinished', e => add(e.requestId, { bytes: e.encodedDataLength, done: true }))
	await session.send('Network.enable')
	return requests
}

const watch = page => {
	const seen = { problems: [], responses: [], events: [] }
	// The browser asks for /favicon.ico on its own, whatever the page is.
	const icon = url => url.endsWith('/favicon.ico')
	page.on('console', m => ['error', 'warning'].includes(m.type()) && !icon(m.location().url) && seen.problems.push(`console: ${m.text()} (${m.location().url})`))
	page.on('pageerror', err => seen.problems.push(`error: ${err.stack ?? err}`))
	page.on('requestfailed', r => icon(r.url()) || seen.problems.push(`request: ${r.method()} ${r.url()}: ${r.failure()?.errorText}`))
	page.on('response', r => icon(r.url()) || seen.responses.push(responseOf(r).catch(() => null)))
	return seen
}

// Methods beside those of Playwright.
const own = {
	// open makes a page with the options of a context, which it has for itself.
	async open({ page, options }) {
		const context = await browser.newContext(options)
		context.setDefaultTimeout(timeout)
		const p = await context.newPage()
		pages.set(page, { page: p, seen: watch(p) })
	},
	// tab makes a page in the context of another one.
	async tab({ page, args: [other] }) {
		const p = await pages.get(other).page.context().newPage()
		pages.set(page, { page: p, seen: watch(p) })
	},
	// opened makes the tab a page that another page has opened.
	async opened({ page, args: [other] }) {
		const context = pages.get(other).page.context()
		const known = new Set([...pages.values()].map(k => k.page))
		const p = context.pages().find(p => !known.has(p)) ?? await context.waitForEvent('page')
		pages.set(page, { page: p, seen: watch(p) })
		await p.waitForLoadState()
	},
	// download presses something, and returns the name and the place of the file that comes.
	async download({ page, selector }) {
		const { page: p } = pages.get(page)
		const [d] = await Promise.all([p.waitForEvent('download'), p.locator(selector).click()])
		return { name: d.suggestedFilename(), path: await d.path() }
	},
	async shut({ page }) {
		const p = pages.get(page)?.page // It may have been closed as a tab.
		pages.delete(page)
		await p?.context().close()
	},
	async closeTab({ page }) {
		const p = pages.get(page).page
		pages.delete(page)
		await p.close()
	},
	// spy begins to note what the page does; events returns that, since the last call.
	async spy({ page }) {
		const { page: p, seen } = pages.get(page)
		spy(p, event => seen.events.push(event))
	},
	async events({ page }) {
		return pages.get(page).seen.events.splice(0)
	},
	// count begins to count bytes; traffic returns all requests since then.
	async count({ page }) {
		const known = pages.get(page)
		known.requests = await count(known.page)
	},
	async traffic({ page }) {
		return [...pages.get(page).requests.values()]
	},
	// touch sends touches without waiting for one before the next: to a page, a finger that rests is another thing than one that moves.
	async touch({ page, args: [events] }) {
		const known = pages.get(page)
		known.session ??= await known.page.context().newCDPSession(known.page)
		await Promise.all(events.map(e => known.session.send('Input.dispatchTouchEvent', e)))
	},
	// devtools calls a method of the protocol of the browser's tools.
	async devtools({ page, args: [method, params] }) {
		const known = pages.get(page)
		known.session ??= await known.page.context().newCDPSession(known.page)
		return known.session.send(method, params)
	},
	// problems and responses return those since the last call.
	async problems({ page }) {
		return pages.get(page).seen.problems.splice(0)
	},
	async responses({ page }) {
		// That of a file which the browser shows by a page of its own may never be told.
		const late = new Promise(done => setTimeout(done, timeout, null).unref())
		const all = pages.get(page).seen.responses.splice(0).map(r => Promise.race([r, late]))
		return (await Promise.all(all)).filter(r => r !== null)
	},
}

const call = async ({ page, selector, method, args }) => {
	const p = pages.get(page).page
	let object = selector ? p.locator(selector) : p
	const names = method.split('.')
	const last = names.pop()
	for (const name of names) object = typeof object[name] === 'function' ? object[name]() : object[name]
	const result = await object[last](...args)
	// Pages, handles and the like mean nothing elsewhere.
	if (typeof result?.httpVersion === 'function') return responseOf(result)
	return result === Object(result) && ![Object, Array].includes(result.constructor) ? null : result
}

const answer = async command => {
	try {
		const result = await (Object.hasOwn(own, command.method) ? own[command.method](command) : call(command))
		return { id: command.id, result: result ?? null }
	} catch (err) {
		return { id: command.id, error: err.message }
	}
}

process.stdout.write('{"id": 0}\n') // The browser is there.
for await (const line of readline.createInterface({ input: process.stdin })) {
	answer(JSON.parse(line)).then(a => process.stdout.write(JSON.stringify(a) + '\n'))
}
await browser.close()
