// Loads the page's parts. One that a slow line or a busy machine lost is asked for again, instead of "Loading" for ever.
for (let tries = 1; tries <= 30; tries++) {
    try {
        await import('./main.js');
        break;
    } catch (error) {
        const problem = document.getElementById('problem');
        problem.textContent = `A part of this page did not arrive (${error.message}); trying again.`;
        problem.hidden = false;
        await new Promise(resolve => setTimeout(resolve, Math.min(500 * tries, 3000)));
    }
}
