console.log('native build script not written yet')
