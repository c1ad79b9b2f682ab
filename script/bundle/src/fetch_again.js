async function fetchAgain(address) {
    for (const pause of [200, 1000, 3000]) {
        try {
            return await fetch(address);
        } catch {
            await new Promise((resolve) => setTimeout(resolve, pause));
        }
    }
    return fetch(address);
}
